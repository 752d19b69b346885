// Holds answers against the portal's OpenAPI document: status, media type, schema.
import assert from 'node:assert/strict'
import Ajv from 'ajv/dist/2020.js'

// A function that checks an answer of method and path. Paths that the document lacks are not
// checked: files, and routes that a test adds.
export function checkerOf(document) {
  const ajv = new Ajv({ strict: false, validateFormats: false, validateSchema: false })
  ajv.addSchema(document, 'api')
  const routes = Object.entries(document.paths).map(([pattern, operations]) => {
    const source = pattern.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')
    return { pattern, operations, source: new RegExp(`^${source}$`) }
  })
  routes.sort((a, b) => a.pattern.includes('{') - b.pattern.includes('{'))

  function responsesOf(method, path) {
    const route = routes.find(({ source }) => source.test(path))
    const operation = route?.operations[(method === 'HEAD' ? 'GET' : method).toLowerCase()]
    if (!operation) return null
    return operation.responses
  }

  return (method, path, { status, headers, text, json }) => {
    const found = responsesOf(method, path.split('?')[0])
    if (!found) return
    const what = `${method} ${path}: ${status} ${text.slice(0, 300)}`
    let response = found[status] ?? (status >= 400 ? found.default : undefined)
    if (response?.$ref) response = document.components.responses[response.$ref.split('/').pop()]
    const type = headers['content-type']?.split(';')[0]
    const content = response?.content?.[type]
    if (!type) return assert.ok(!response?.content || method === 'HEAD' || !text, what)
    assert.ok(content, `the document has no ${status} ${type} of ${what}`)
    if (method === 'HEAD' || !/json$/.test(type)) return
    const { $ref } = content.schema
    const validate = $ref ? ajv.getSchema(`api${$ref}`) : ajv.compile(content.schema)
    assert.ok(validate(json), `${ajv.errorsText(validate.errors)}: ${what}`)
  }
}
