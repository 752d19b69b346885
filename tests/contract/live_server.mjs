// A Dokploy server that runs: sends requests to it, keeps what it answered, and removes what was
// made there.
import assert from 'node:assert/strict';
import http from 'node:http';

import { pause, request, seconds } from '../http/client.mjs';

const LONGEST = seconds(60); // of a call, and of what is removed until it is free

// What a text holds; undefined when it is not JSON.
function jsonOf(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export class LiveServer {
  exchanges = []; // as recordings have them, in order

  volumes = new Set(); // that were named

  pending = new Set(); // requests without an answer yet

  // `key`: of an owner or admin; a recorded request with the usual key is sent with it.
  constructor(url, key) {
    this.url = url.replace(/\/+$/, '');
    this.key = key;
  }

  // Resolves to { status, headers, text }.
  send({ method = 'GET', path, headers = {}, body, timeout = LONGEST }) {
    const all = { ...headers };
    if (all['x-api-key'] === 'TEST-KEY') all['x-api-key'] = this.key;
    const sent = request(this.url + path, { method, headers: all, body, timeout })
      .then((answer) => this.#keep({ method, path, body }, answer));
    const isOver = sent.catch(() => {}).then(() => this.pending.delete(isOver));
    this.pending.add(isOver);
    return sent;
  }

  #keep({ method, path, body }, answer) {
    const given = body && jsonOf(body);
    if (given?.volumeName) this.volumes.add(given.volumeName);
    const request = { method, path, ...(given ? { body: given } : {}) };
    const response = { status: answer.status, type: answer.headers['content-type'] };
    if (answer.text !== '') response.body = jsonOf(answer.text) ?? answer.text;
    const name = path.replace(/^\/api\/|\?.*/g, '');
    this.exchanges.push({ name, request, response });
    return answer;
  }

  async #call(method, path, json) {
    const headers = { 'x-api-key': this.key, 'content-type': 'application/json' };
    const options = { method, headers, timeout: LONGEST };
    if (json) options.body = JSON.stringify(json);
    return request(`${this.url}/api/${path}`, options);
  }

  // A query, which must succeed; null where this Dokploy does not have it.
  async dokploy(procedure, query = {}) {
    const answer = await this.#call('GET', `${procedure}?${new URLSearchParams(query)}`);
    if (answer.json?.message === 'Not found') return null;
    assert.equal(answer.status, 200, `${procedure}: ${answer.status} ${answer.text.slice(0, 300)}`);
    return answer.json;
  }

  // A mutation, which must succeed.
  async change(procedure, json) {
    const answer = await this.#call('POST', procedure, json);
    assert.equal(answer.status, 200, `${procedure}: ${answer.status} ${answer.text.slice(0, 300)}`);
    return answer.json;
  }

  async version() {
    return (await this.dokploy('settings.getDokployVersion')).replace(/^v/, '');
  }

  // Waits until no deployment runs or waits.
  async settle() {
    const isRunning = ({ applicationStatus }) => applicationStatus === 'running';
    const isBusy = async () => (await this.dokploy('deployment.queueList') ?? []).length > 0
      || (await this.#applications()).some(isRunning);
    do { await pause(1000); } while (await isBusy());
  }

  async #projects(isOurs = () => true) {
    const rows = await this.dokploy('project.all');
    const ids = rows.filter(isOurs).map(({ projectId }) => projectId);
    return Promise.all(ids.map((projectId) => this.dokploy('project.one', { projectId })));
  }

  async #applications(isOurs) {
    const projects = await this.#projects(isOurs);
    return projects.flatMap(({ environments }) => environments
      .flatMap(({ applications }) => applications ?? []));
  }

  // Ends its deployments: one that runs while its application is deleted would make its service.
  async #end(applicationId) {
    await this.change('application.cleanQueues', { applicationId });
    for (const end = Date.now() + LONGEST; Date.now() < end; await pause(1000)) {
      const rows = await this.dokploy('deployment.all', { applicationId });
      if (!rows.some(({ status }) => status === 'running')) return;
    }
  }

  // Repeats a removal until it succeeds; else resolves to the reason why it does not.
  async #problemOfRemoval(procedure, json) {
    let text;
    for (const end = Date.now() + LONGEST; Date.now() < end; await pause(1000)) {
      const answer = await this.#call('POST', procedure, json);
      if (answer.json?.message === 'Not found') return `this Dokploy has no ${procedure}`;
      ({ text } = answer);
      if ([200, 404].includes(answer.status) || /no such volume/i.test(text)) return null;
      if (answer.json?.issues) return text;
    }
    return text;
  }

  // Removes projects, with their applications, networks and the volumes that were named here.
  // Resolves to what is left, with the reason.
  async cleanUp(isOurs) {
    await Promise.all(this.pending);
    const left = [];
    const remove = async (what, procedure, json) => {
      const problem = await this.#problemOfRemoval(procedure, json);
      if (problem) left.push([`${what} ${Object.values(json)}`, problem]);
    };
    for (const { applicationId } of await this.#applications(isOurs)) {
      await this.#end(applicationId);
      await remove('application', 'application.delete', { applicationId });
    }
    for (const { projectId } of await this.#projects(isOurs)) {
      await remove('project', 'project.remove', { projectId });
    }
    for (const { networkId } of (await this.dokploy('network.all') ?? []).filter(isOurs)) {
      await remove('network', 'network.remove', { networkId });
    }
    for (const volumeName of this.volumes) {
      await remove('volume', 'dockerVolume.removeVolume', { volumeName });
    }
    return left;
  }
}

// Passes every request on to a LiveServer. Resolves to the address that a portal is given.
export function frontOf(server) {
  const front = http.createServer(async (incoming, outgoing) => {
    const chunks = [];
    for await (const chunk of incoming) chunks.push(chunk);
    const { method, url: path, headers: { host, connection, ...headers } } = incoming;
    try {
      const body = chunks.length > 0 ? Buffer.concat(chunks).toString() : undefined;
      const answer = await server.send({ method, path, headers, body });
      const passed = Object.entries(answer.headers)
        .filter(([name]) => /^(content-type|location|retry-after)$/.test(name));
      outgoing.writeHead(answer.status, Object.fromEntries(passed)).end(answer.bytes);
    } catch {
      outgoing.destroy(); // no answer, as the server itself
    }
  });
  return new Promise((resolve) => {
    front.listen(0, '127.0.0.1', () => resolve({
      url: `http://127.0.0.1:${front.address().port}`,
      close: () => { front.closeAllConnections(); front.close(); },
    }));
  });
}
