--- The journal's schema, as the list of what each version added. Only ever append: a version that has shipped is never edited.
--- Times are seconds since 1970, as floats. `data`, `failure`, `params` and `receipt` hold JSON.
return {
  -- 1: the first journal
  [[
  CREATE TABLE operations (            -- one deploy or one delete, from its acceptance to its one end
    id          TEXT PRIMARY KEY,
    kind        TEXT NOT NULL,         -- deploy, delete
    name        TEXT NOT NULL,
    owner_id    TEXT NOT NULL,
    template    TEXT,
    url         TEXT,
    params      TEXT NOT NULL DEFAULT '{}', -- what was asked: image, memory_bytes, cpu_nanos; for a delete: data, target
    state       TEXT NOT NULL,         -- queued running rolling_back ready failed cancelled deleting deleted
    step        TEXT,                  -- the step that runs, or ran last
    code        TEXT,                  -- why it failed
    failure     TEXT,                  -- the rest of why: {code, step, args, message}
    cancel      INTEGER NOT NULL DEFAULT 0, -- 1: somebody asked to stop it
    receipt     TEXT,                  -- what was created, undone and left, told at the end
    created_at  REAL NOT NULL,
    started_at  REAL,
    ended_at    REAL
  );
  CREATE INDEX operations_open ON operations(created_at) WHERE ended_at IS NULL;
  CREATE INDEX operations_name ON operations(name, created_at);
  CREATE INDEX operations_ready ON operations(ended_at) WHERE state = 'ready';

  CREATE TABLE events (                -- what a stream tells, in raw form: codes and arguments, no words for people
    operation_id TEXT NOT NULL REFERENCES operations(id),
    seq         INTEGER NOT NULL,
    event       TEXT NOT NULL,
    data        TEXT NOT NULL,
    at          REAL NOT NULL,
    PRIMARY KEY (operation_id, seq)
  ) WITHOUT ROWID;

  CREATE TABLE stacks (                -- a row is a claim: the name is taken while it stands
    name        TEXT PRIMARY KEY,
    owner_id    TEXT NOT NULL,
    state       TEXT NOT NULL,         -- deploying ready deleting leftover
    operation_id TEXT NOT NULL REFERENCES operations(id), -- the deploy that made it; its resources are the stack's
    delete_id   TEXT,                  -- the delete that runs, or ran last
    url         TEXT,
    image       TEXT,
    template    TEXT,
    created_at  REAL NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX stacks_owner ON stacks(owner_id, name);

  CREATE TABLE resources (             -- what a deploy made in Dokploy: written before the call, confirmed after it
    operation_id TEXT NOT NULL REFERENCES operations(id),
    kind        TEXT NOT NULL,         -- project application mount volume domain deployment
    key         TEXT NOT NULL DEFAULT '', -- tells several of one kind apart
    id          TEXT,                  -- Dokploy's id, once known
    state       TEXT NOT NULL,         -- intended created lost undone left kept
    data        TEXT NOT NULL DEFAULT '{}',
    intended_at REAL NOT NULL,
    created_at  REAL,
    ended_at    REAL,                  -- when a re-read proved it gone, or it was left
    PRIMARY KEY (operation_id, kind, key)
  ) WITHOUT ROWID;
  CREATE INDEX resources_open ON resources(state) WHERE state IN ('left', 'lost');

  CREATE TABLE volumes (               -- data that outlived its stack
    volume      TEXT PRIMARY KEY,
    name        TEXT NOT NULL,
    owner_id    TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    reason      TEXT NOT NULL,         -- kept: nobody asked to remove it; left: Dokploy could not
    at          REAL NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX volumes_owner ON volumes(owner_id);

  CREATE TABLE idempotency (           -- an Idempotency-Key and the deploy that it began, for 24 hours; the answer is made of that again
    key         TEXT PRIMARY KEY,
    body_hash   TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    at          REAL NOT NULL
  ) WITHOUT ROWID;
  ]],
}
