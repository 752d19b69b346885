// The rehearsal as a process of its own, and its HTTP, byte for byte.
import assert from 'node:assert/strict';

import { Rehearsal, request, temporary, top } from '../http/harness.mjs';

export class Double extends Rehearsal {
  // `variables`: more environment variables.
  constructor(version, variables = {}) {
    super('rehearsal', ['--root', top, '--rehearsal'], { DATA_DIR: temporary('rehearsal'),
      REHEARSAL_PORT: '0', REHEARSAL_DOKPLOY_VERSION: version, REHEARSAL_SPEED: '20',
      NODE_ENV: 'test', TIME_SCALE: '1', ...variables });
    this.version = version;
  }

  // Kills the process and starts it again on the same data.
  async restart() {
    await this.kill9();
    await super.restart();
  }

  // Resolves to the answer, or to null when no complete one comes.
  async send({ path, host = '127.0.0.1', ...options }) {
    try {
      return await request(`http://${host}:${this.port}${path}`, options);
    } catch (error) {
      if (error.code === 'ECONNRESET' || /no answer in/.test(error.message)) return null;
      throw error;
    }
  }

  // A procedure that is called with POST; resolves to the whole answer. change() must succeed.
  post(procedure, json, options = {}) {
    const headers = { 'x-api-key': 'rehearsal' };
    return this.send({ method: 'POST', path: `/api/${procedure}`, json, headers, ...options });
  }

  // A procedure that is called with GET; resolves to the whole answer. dokploy() must succeed.
  get(procedure, parameters = {}) {
    const target = `/api/${procedure}?${new URLSearchParams(parameters)}`;
    return this.send({ path: target, headers: { 'x-api-key': 'rehearsal' } });
  }

  // A request to /__rehearsal/..., which must succeed.
  async control(method, name, json) {
    const answer = await this.send({ method, path: `/__rehearsal/${name}`, json });
    assert.equal(answer?.status, 200, `${method} /__rehearsal/${name}: ${answer?.text}`);
    return answer.json;
  }

  settle() {
    return this.control('POST', 'settle');
  }
}
