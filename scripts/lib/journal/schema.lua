--- The journal's schema: what each version added. Append only; a version that has shipped is never
--- edited. Times are seconds since 1970, as floats. `data`, `failure`, `params` and `receipt` hold
--- JSON.
return {
  -- The lowest version whose scripts can work with a journal of the last version: a release that is
  -- rolled back to starts if its own version is not below this. A version that adds only what older
  -- scripts do not notice leaves it; any other raises it to itself.
  oldest = 8,

  -- 1: the first journal
  [[
  CREATE TABLE operations (            -- one deploy, delete, stop... to its one end
    id          TEXT PRIMARY KEY,
    kind        TEXT NOT NULL,         -- deploy, delete
    name        TEXT NOT NULL,
    owner_id    TEXT NOT NULL,
    template    TEXT,
    url         TEXT,
    params      TEXT NOT NULL DEFAULT '{}', -- the request; of work on a stack: target
    state       TEXT NOT NULL,         -- see lib/operations/states.lua
    step        TEXT,                  -- the step that runs, or ran last
    code        TEXT,                  -- why it failed
    failure     TEXT,                  -- the rest of why: {code, step, args, message}
    cancel      INTEGER NOT NULL DEFAULT 0, -- 1: it is to stop
    receipt     TEXT,                  -- what was created, undone and left
    created_at  REAL NOT NULL,
    started_at  REAL,
    ended_at    REAL
  );
  CREATE INDEX operations_open ON operations(created_at) WHERE ended_at IS NULL;
  CREATE INDEX operations_name ON operations(name, created_at);
  CREATE INDEX operations_ready ON operations(ended_at) WHERE state = 'ready';

  CREATE TABLE events (                -- raw: codes and arguments, no text for people
    operation_id TEXT NOT NULL REFERENCES operations(id),
    seq         INTEGER NOT NULL,
    event       TEXT NOT NULL,
    data        TEXT NOT NULL,
    at          REAL NOT NULL,
    PRIMARY KEY (operation_id, seq)
  ) WITHOUT ROWID;

  CREATE TABLE stacks (                -- a row is a claim on the name
    name        TEXT PRIMARY KEY,
    owner_id    TEXT NOT NULL,
    state       TEXT NOT NULL,         -- deploying ready deleting leftover
    -- the deploy that made it; its resources are the stack's
    operation_id TEXT NOT NULL REFERENCES operations(id),
    delete_id   TEXT,                  -- the delete that runs, or ran last
    url         TEXT,
    image       TEXT,
    template    TEXT,
    created_at  REAL NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX stacks_owner ON stacks(owner_id, name);

  CREATE TABLE resources (             -- written before the call that makes it, confirmed after
    operation_id TEXT NOT NULL REFERENCES operations(id),
    kind        TEXT NOT NULL,         -- project application mount volume domain deployment
    key         TEXT NOT NULL DEFAULT '', -- tells several of one kind apart
    id          TEXT,                  -- Dokploy's id, once known
    state       TEXT NOT NULL,         -- intended created lost undone left kept
    data        TEXT NOT NULL DEFAULT '{}',
    intended_at REAL NOT NULL,
    created_at  REAL,
    ended_at    REAL,                  -- when it was proved gone, or left
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

  CREATE TABLE idempotency (           -- an Idempotency-Key and the deploy that it began
    key         TEXT PRIMARY KEY,
    body_hash   TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    at          REAL NOT NULL
  ) WITHOUT ROWID;
  ]],

  -- 2: credentials, of which only a hash is kept; and who did what
  [[
  CREATE TABLE owners (                -- whose key was changed; of others the first is valid
    id          TEXT PRIMARY KEY,
    generation  INTEGER NOT NULL       -- how often; the key of this generation is valid
  ) WITHOUT ROWID;

  CREATE TABLE links (                 -- one-time links that take an owner to another browser
    hash        TEXT PRIMARY KEY,
    owner_id    TEXT NOT NULL,
    expires_at  REAL NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE invites (               -- codes that let somebody deploy
    id          TEXT PRIMARY KEY,
    hash        TEXT NOT NULL UNIQUE,
    label       TEXT NOT NULL,
    uses        INTEGER NOT NULL,      -- how many deployments in all
    created_at  REAL NOT NULL,
    expires_at  REAL,
    revoked_at  REAL
  ) WITHOUT ROWID;

  CREATE TABLE tokens (                -- keys for programs
    id          TEXT PRIMARY KEY,      -- the part before the dot
    hash        TEXT NOT NULL,         -- of the part behind it
    label       TEXT NOT NULL,
    scopes      TEXT NOT NULL,         -- "create read delete admin"
    owner_id    TEXT NOT NULL,         -- whose stacks it sees and makes
    created_at  REAL NOT NULL,
    expires_at  REAL,
    revoked_at  REAL,
    used_at     REAL
  ) WITHOUT ROWID;

  CREATE TABLE origins (               -- of deploys: for quotas, and for uses of invites
    operation_id TEXT PRIMARY KEY,
    network     TEXT NOT NULL,         -- a /24 or a /64
    invite_id   TEXT
  ) WITHOUT ROWID;
  CREATE INDEX origins_network ON origins(network);
  CREATE INDEX origins_invite ON origins(invite_id) WHERE invite_id IS NOT NULL;

  CREATE TABLE audit (                 -- who did what, or was refused; never changed
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    at          REAL NOT NULL,
    who         TEXT NOT NULL,         -- admin, owner, token, user, visitor
    who_id      TEXT,
    who_name    TEXT,                  -- a user's name, a token's label
    network     TEXT NOT NULL,
    action      TEXT NOT NULL,
    name        TEXT,                  -- the stack's, or the id of what it was done to
    operation_id TEXT,
    allowed     INTEGER NOT NULL,
    rule        TEXT NOT NULL,         -- the rule in scripts/policy/access.lua that decided
    policy      TEXT NOT NULL,         -- the version of the scripts, and when it was loaded
    request_id  TEXT NOT NULL
  );
  CREATE TRIGGER audit_stays BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit trail is never shortened'); END;
  CREATE TRIGGER audit_stands BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit trail is never changed'); END;

  -- One piece of work at a time on a stack that stands.
  CREATE UNIQUE INDEX operations_work ON operations(name)
    WHERE kind IN ('stop', 'start', 'restart', 'rotate') AND ended_at IS NULL;
  ]],

  -- 3: what is wrong with a stack, and since when it is in its state
  [[
  ALTER TABLE stacks ADD COLUMN reason TEXT;
  ALTER TABLE stacks ADD COLUMN since REAL;
  ]],

  -- 4: when a workspace was last worked in, as far as it reports that
  [[
  ALTER TABLE stacks ADD COLUMN used_at REAL;
  ]],

  -- 5: drift: what the journal and Dokploy disagree on (lib/workspaces/reconcile.lua)
  [[
  CREATE TABLE findings (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    kind        TEXT NOT NULL,         -- vanished unknown in_error
    thing       TEXT NOT NULL,         -- of unknown: its id in Dokploy; else the stack's deploy
    name        TEXT NOT NULL,         -- these three from the journal, or from the tag in Dokploy
    owner_id    TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    facts       TEXT NOT NULL DEFAULT '{}', -- enough to adopt it, or to remove it
    found_at    REAL NOT NULL,
    resolved_at REAL,
    resolution  TEXT,                  -- gone (by itself) adopted repaired removed
    work_id     TEXT                   -- the operation that was begun on it last
  );
  CREATE UNIQUE INDEX findings_open ON findings(kind, thing) WHERE resolved_at IS NULL;
  CREATE INDEX findings_name ON findings(name) WHERE resolved_at IS NULL;
  CREATE INDEX findings_work ON findings(work_id) WHERE work_id IS NOT NULL;

  CREATE TABLE looks (                 -- one row: the last complete comparison
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    at          REAL NOT NULL,
    projects    INTEGER NOT NULL       -- how many had our tag
  );

  -- A row is resolved together with the good end of the work on it.
  CREATE TRIGGER findings_resolved AFTER UPDATE OF ended_at ON operations
  WHEN NEW.ended_at IS NOT NULL AND NEW.state IN ('ready', 'deleted') BEGIN
    UPDATE findings SET resolved_at = NEW.ended_at,
      resolution = CASE NEW.state WHEN 'ready' THEN 'repaired' ELSE 'removed' END
    WHERE work_id = NEW.id AND resolved_at IS NULL;
  END;

  -- A name that something unknown in Dokploy has is taken.
  CREATE TRIGGER names_held BEFORE INSERT ON stacks
  WHEN NEW.state = 'deploying' AND EXISTS (SELECT 1 FROM findings
    WHERE name = NEW.name AND kind = 'unknown' AND resolved_at IS NULL) BEGIN
    SELECT RAISE(ABORT, 'Dokploy has something of that name');
  END;

  DROP INDEX operations_work;
  CREATE UNIQUE INDEX operations_work ON operations(name)
    WHERE kind IN ('stop', 'start', 'restart', 'rotate', 'repair', 'rebuild') AND ended_at IS NULL;
  CREATE UNIQUE INDEX operations_purge ON operations(name, owner_id)
    WHERE kind = 'purge' AND ended_at IS NULL;
  ]],

  -- 6: the admin's browser sessions; the audit of one stack; a redeploy is work like a restart
  [[
  CREATE TABLE sessions (
    hash        TEXT PRIMARY KEY,      -- of the secret in the browser's cookie
    token       TEXT NOT NULL,         -- a keyed hash of the ADMIN_TOKEN that began it
    network     TEXT NOT NULL,
    created_at  REAL NOT NULL,
    expires_at  REAL NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX audit_name ON audit(name, id);
  DROP INDEX operations_work;
  CREATE UNIQUE INDEX operations_work ON operations(name)
    WHERE kind IN ('stop', 'start', 'restart', 'rotate', 'redeploy', 'repair', 'rebuild')
      AND ended_at IS NULL;
  ]],

  -- 7: what every deploy asks for is found at once, however many wait
  [[
  CREATE INDEX operations_running ON operations(created_at, id)
    WHERE state <> 'queued' AND ended_at IS NULL;
  CREATE INDEX operations_waiting ON operations(created_at, id)
    WHERE state = 'queued' AND ended_at IS NULL;
  DROP INDEX operations_open;

  CREATE TABLE tally (                 -- counts that are kept as rows come and end
    what        TEXT PRIMARY KEY,
    n           INTEGER NOT NULL
  ) WITHOUT ROWID;
  INSERT INTO tally SELECT 'open deploys', count(*) FROM operations
    WHERE kind = 'deploy' AND ended_at IS NULL;
  CREATE TRIGGER tally_begun AFTER INSERT ON operations
    WHEN new.kind = 'deploy' AND new.ended_at IS NULL
    BEGIN UPDATE tally SET n = n + 1 WHERE what = 'open deploys'; END;
  CREATE TRIGGER tally_ended AFTER UPDATE OF ended_at ON operations
    WHEN new.kind = 'deploy' AND old.ended_at IS NULL AND new.ended_at IS NOT NULL
    BEGIN UPDATE tally SET n = n - 1 WHERE what = 'open deploys'; END;
  ]],

  -- 8: events of operations that ended long ago are deleted (lib/workspaces/retention.lua)
  [[
  ALTER TABLE operations ADD COLUMN pruned INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX operations_unpruned ON operations(ended_at) WHERE pruned = 0;
  ]],

  -- 9: cheaper conditions: each insert evaluates them, and SQLite makes a table of a longer list
  [[
  DROP INDEX operations_work;
  CREATE UNIQUE INDEX operations_work ON operations(name)
    WHERE ended_at IS NULL AND (kind = 'stop' OR kind = 'start' OR kind = 'restart'
      OR kind = 'rotate' OR kind = 'redeploy' OR kind = 'repair' OR kind = 'rebuild');
  DROP INDEX operations_unpruned;
  CREATE INDEX operations_unpruned ON operations(ended_at)
    WHERE pruned = 0 AND ended_at IS NOT NULL;
  CREATE INDEX idempotency_at ON idempotency(at); -- each insert deletes old ones
  ]],

  -- 10: INSERT OR REPLACE deletes a row without firing a delete trigger
  [[
  CREATE TRIGGER audit_is_no_palimpsest BEFORE INSERT ON audit
    WHEN EXISTS (SELECT 1 FROM audit WHERE id = new.id)
    BEGIN SELECT RAISE(ABORT, 'the audit trail is never changed'); END;
  ]],

  -- 11: events that hooks and webhooks have not been sent; schedules; a workspace's note
  [[
  CREATE TABLE outbox (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    target      TEXT NOT NULL,         -- hooks/NAME or webhooks/NAME
    type        TEXT NOT NULL,         -- of the event: ready failed deleted...
    name        TEXT NOT NULL,         -- the workspace's: its events are delivered in order
    operation_id TEXT NOT NULL,
    created_at  REAL NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    error       TEXT,                  -- why the last attempt failed
    since       REAL NOT NULL,         -- when it was first due
    next_at     REAL NOT NULL,         -- not before
    failed_at   REAL                   -- when it was given up
  );
  CREATE INDEX outbox_waiting ON outbox(target, name, id) WHERE failed_at IS NULL;

  CREATE TABLE receivers (             -- webhooks that answered 410: nothing is sent to them
    target      TEXT PRIMARY KEY,
    disabled_at REAL NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE schedules (
    name        TEXT PRIMARY KEY,
    plan        TEXT NOT NULL,         -- cron and zone; a changed plan starts over
    due_at      REAL NOT NULL,         -- up to when every run has been begun, or missed
    began_at    REAL,                  -- the last run
    ended_at    REAL,
    error       TEXT                   -- why the last run failed
  ) WITHOUT ROWID;

  ALTER TABLE stacks ADD COLUMN note TEXT; -- JSON: {language: text}, or {"": text}
  ]],

  -- 12: versions of the installation's own files
  [[
  CREATE TABLE site_versions (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    hash        TEXT NOT NULL,         -- of the content
    at          REAL NOT NULL,
    author      TEXT,
    source      TEXT NOT NULL,         -- push page rollback files
    note        TEXT,
    product     TEXT NOT NULL,         -- the portal's version that checked it
    files       TEXT NOT NULL,         -- JSON, see lib/site/versions.lua
    state       TEXT NOT NULL DEFAULT 'pending', -- good: it was in force; refused: it did not load;
                                       -- faulty: it was left because it failed while it ran
    written     INTEGER NOT NULL DEFAULT 0 -- 1: the folder on the disk holds it
  );
  ALTER TABLE operations ADD COLUMN site INTEGER; -- the version in force when it was accepted
  ]],

  -- 13: what was decided and why, to try other rules on (lib/site/try.lua)
  [[
  CREATE TABLE decisions (             -- the last ones that were not mere reads
    id          INTEGER PRIMARY KEY,
    at          REAL NOT NULL,
    who         TEXT NOT NULL,         -- JSON, without what identifies a person
    action      TEXT NOT NULL,         -- as in audit; name: a deploy was refused for its name
    what        TEXT NOT NULL,         -- JSON
    allowed     INTEGER NOT NULL,
    code        TEXT,                  -- why not
    rule        TEXT NOT NULL,
    site_version INTEGER NOT NULL
  );
  ]],

  -- 14: who wants which events, also for operations that end on older scripts
  [[
  CREATE TABLE subscriptions (
    type        TEXT NOT NULL,
    target      TEXT NOT NULL,
    PRIMARY KEY (type, target)
  ) WITHOUT ROWID;
  ]],

  -- 15: workspaces that sleep while nobody uses them. One that sleeps is 'stopped', so that scripts
  -- of an earlier version can start it.
  [[
  ALTER TABLE stacks ADD COLUMN asleep INTEGER NOT NULL DEFAULT 0; -- 1: stopped because it was idle
  ALTER TABLE stacks ADD COLUMN sleeps_at REAL;   -- the owner was warned that it falls asleep then
  ALTER TABLE stacks ADD COLUMN visited_at REAL;  -- when the owner last saw its page
  ALTER TABLE stacks ADD COLUMN awake_until REAL; -- the owner keeps it awake until then
  CREATE INDEX stacks_ready ON stacks(template, name) WHERE state = 'ready';
  DROP INDEX operations_work;
  CREATE UNIQUE INDEX operations_work ON operations(name)
    WHERE ended_at IS NULL AND (kind = 'stop' OR kind = 'start' OR kind = 'restart'
      OR kind = 'rotate' OR kind = 'redeploy' OR kind = 'repair' OR kind = 'rebuild'
      OR kind = 'sleep' OR kind = 'wake');
  ]],

  -- 16: workspaces that are deployed on kept files; lifetimes that their owners extend
  [[
  ALTER TABLE volumes ADD COLUMN purge_at REAL; -- it was announced that it is purged then
  ALTER TABLE stacks ADD COLUMN ends_at REAL;   -- the owner was warned that it is deleted then
  ALTER TABLE stacks ADD COLUMN extended REAL NOT NULL DEFAULT 0; -- seconds its owner added
  CREATE INDEX resources_volume ON resources(key) WHERE kind = 'volume';
  DROP TRIGGER tally_begun;
  DROP TRIGGER tally_ended;
  CREATE TRIGGER tally_begun AFTER INSERT ON operations
    WHEN new.kind IN ('deploy', 'restore') AND new.ended_at IS NULL
    BEGIN UPDATE tally SET n = n + 1 WHERE what = 'open deploys'; END;
  CREATE TRIGGER tally_ended AFTER UPDATE OF ended_at ON operations
    WHEN new.kind IN ('deploy', 'restore') AND old.ended_at IS NULL AND new.ended_at IS NOT NULL
    BEGIN UPDATE tally SET n = n - 1 WHERE what = 'open deploys'; END;
  ]],

  -- 17: workspaces made ahead, which nobody owns yet (lib/operations/pool.lua)
  [[
  CREATE TABLE pool (
    operation_id TEXT PRIMARY KEY REFERENCES operations(id), -- the one that made it
    template    TEXT NOT NULL,
    fingerprint TEXT NOT NULL,         -- of what its container was started with
    state       TEXT NOT NULL,         -- preparing warm claimed retiring
    deploy_id   TEXT UNIQUE,           -- the deploy that claimed it
    since       REAL NOT NULL
  ) WITHOUT ROWID;
  ]],
}
