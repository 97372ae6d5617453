-- Submissions, their logs, and what was last seen of their jobs. The same text for PostgreSQL and SQLite.
-- Times are milliseconds since 1970, UTC. Texts that do not apply are empty.

CREATE TABLE submission (
  id             TEXT   NOT NULL PRIMARY KEY, -- key_hash, with -2, -3… behind it if earlier uses of the key have expired
  key_hash       TEXT   NOT NULL,             -- 26 characters that door, principal and key decide
  turn           BIGINT NOT NULL CHECK (turn >= 0), -- how many submissions of this key there were before
  fingerprint    TEXT   NOT NULL,             -- hex SHA-256 of request
  door           TEXT   NOT NULL,
  principal      TEXT   NOT NULL,             -- issuer, "#", subject
  principal_name TEXT   NOT NULL,
  account        TEXT   NOT NULL,             -- alias
  account_id     TEXT   NOT NULL,             -- what the alias stood for; empty if for nothing
  access         TEXT   NOT NULL,             -- how that account was reached
  source_type    TEXT   NOT NULL,
  resource       TEXT   NOT NULL,             -- id of the instance or cluster
  job_name       TEXT   NOT NULL,             -- of this use of the key alone
  request        TEXT   NOT NULL,             -- JSON object of texts: what the caller gave
  complete       TEXT   NOT NULL,             -- the same with defaults and what follows from the account
  denied         TEXT   NOT NULL,             -- JSON list of sentences if the policy refused it
  state          TEXT   NOT NULL,             -- what it came to, once nothing can change; for lists only, the log decides
  created_ms     BIGINT NOT NULL,
  expires_ms     BIGINT NOT NULL,             -- from then on the key is that of a new submission
  UNIQUE (key_hash, turn)
);
CREATE INDEX submission_by_time      ON submission (created_ms, id);
CREATE INDEX submission_by_principal ON submission (principal, created_ms, id);
CREATE INDEX submission_by_account   ON submission (account, created_ms, id);
CREATE INDEX submission_by_resource  ON submission (resource, created_ms, id);
CREATE INDEX submission_by_state     ON submission (state, created_ms, id);
CREATE INDEX submission_unended      ON submission (id) WHERE state = '';

-- The log. Rows are only ever added: whoever adds number n has decided what happens next.
CREATE TABLE submission_step (
  submission_id TEXT   NOT NULL REFERENCES submission (id) ON DELETE CASCADE,
  n             BIGINT NOT NULL CHECK (n >= 0),
  kind          TEXT   NOT NULL CHECK (kind IN ('attempt', 'void', 'created', 'refused')),
  owner         TEXT   NOT NULL,              -- random, one for each row: whose insert it was
  at_ms         BIGINT NOT NULL,
  until_ms      BIGINT NOT NULL,              -- attempt: no sending after this; otherwise 0
  job_id        TEXT   NOT NULL,              -- created
  code          TEXT   NOT NULL,              -- void, refused: the cloud's code, or our reason
  message       TEXT   NOT NULL,              -- refused: what the cloud said
  request_id    TEXT   NOT NULL,              -- the cloud's
  PRIMARY KEY (submission_id, n)
);

-- What was asked of the cloud about a submission, and what it said.
CREATE TABLE job (
  submission_id TEXT   NOT NULL PRIMARY KEY REFERENCES submission (id) ON DELETE CASCADE,
  asked_ms      BIGINT NOT NULL,              -- when somebody last began to ask
  seen_ms       BIGINT NOT NULL,              -- when it last said something, or 0
  seen          TEXT   NOT NULL               -- JSON object: what it said then, or empty
);
