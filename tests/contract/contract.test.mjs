// Holds the rehearsal against recordings of real Dokploy servers: the same requests in the same
// order must be answered as they were recorded (see comparison.mjs). scenes.mjs says what happened
// between the recorded requests.
import assert from 'node:assert/strict';
import test from 'node:test';

import { Double } from './double.mjs';
import { load, versions } from './recordings.mjs';
import { difference, replaying } from './replay.mjs';

// Replays one recording; returns what differs.
async function replay(scene, recording) {
  const differences = [];
  await scene.replay(recording, (exchange, answer) => {
    const found = difference(exchange, answer);
    if (!found) return;
    const { method, path } = exchange.request;
    const request = `${method} ${path.slice(0, 120)}`;
    differences.push(`${exchange.name}\n    ${request}\n    ${found.slice(0, 1500)}`);
  });
  return differences;
}

for (const version of versions) {
  test(`the rehearsal answers as Dokploy ${version} did`, async (t) => {
    const recordings = load(version);
    const scene = new (replaying(Double))(version);
    await scene.start();
    t.after(() => scene.stop());
    for (const recording of recordings) {
      await t.test(recording.title, async () => {
        const differences = await replay(scene, recording);
        assert.equal(differences.length, 0,
          `${differences.length} differ:\n  ${differences.join('\n  ')}`);
      });
    }
    const count = recordings.reduce((sum, { exchanges }) => sum + exchanges.length, 0);
    t.diagnostic(`${version}: ${count} exchanges replayed`);
  });
}
