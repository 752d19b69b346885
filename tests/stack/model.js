// A fake model with OpenAI's chat completions API. With tools it creates files, writes one,
// searches them and reports the end; without (for a title) it only reports the end. Runs on bun.
let asked = 0

function calls(messages) {
  return [
    ['bash', {
      command: 'mkdir -p many && cd many && git init -q && for i in $(seq 300); do ' +
        'echo "export const n$i = $i" >$i.ts; done && git add . && ls',
      description: 'Makes files',
    }],
    ['write', { filePath: `/workspace/many/long-${asked}.ts`,
      content: 'export const long = 1\n'.repeat(2000) }],
    ['grep', { pattern: 'export const n1', path: '/workspace/many' }],
  ][messages.filter(({ role }) => role === 'tool').length]
}

function answer({ model, messages, tools }) {
  const chunk = (delta, finish_reason = null) =>
    ({ id: `played-${asked}`, object: 'chat.completion.chunk', created: 1, model,
    choices: [{ index: 0, delta, finish_reason }] })
  const call = tools?.length ? calls(messages) : undefined
  if (!call) return [chunk({ role: 'assistant', content: 'It is done. '.repeat(100) }),
    chunk({}, 'stop')]
  const [name, args] = call
  return [chunk({ role: 'assistant', tool_calls: [{ index: 0, id: `call-${asked}`,
    type: 'function', function: { name, arguments: JSON.stringify(args) } }] }),
    chunk({}, 'tool_calls')]
}

Bun.serve({
  hostname: '127.0.0.1',
  port: 9999,
  async fetch(request) {
    asked++
    const lines = answer(await request.json()).map((line) => JSON.stringify(line))
    return new Response([...lines, '[DONE]'].map((line) => `data: ${line}\n\n`).join(''),
      { headers: { 'content-type': 'text/event-stream' } })
  },
})
console.log('listening')
