-- Submissions, the steps of their logs, and their jobs as last seen. PostgreSQL and SQLite execute the same text.
-- Times are milliseconds since 1970 in UTC; 0 is no time. A text that does not apply is empty.

CREATE TABLE submission (
  id             TEXT   NOT NULL PRIMARY KEY, -- key_hash; the second, third, … use of the key adds -2, -3, …
  key_hash       TEXT   NOT NULL,             -- 26 characters: hash of door, principal and key
  turn           BIGINT NOT NULL CHECK (turn >= 0), -- number of earlier submissions with this key
  fingerprint    TEXT   NOT NULL,             -- SHA-256 of request, in hexadecimal
  door           TEXT   NOT NULL,
  principal      TEXT   NOT NULL,             -- issuer, "#", subject
  principal_name TEXT   NOT NULL,
  account        TEXT   NOT NULL,             -- the alias in the policy
  account_id     TEXT   NOT NULL,             -- account id of the alias at that time; empty if the alias was unknown
  access         TEXT   NOT NULL,             -- how the portal enters that account
  source_type    TEXT   NOT NULL,
  resource       TEXT   NOT NULL,             -- id of the instance or of the cluster
  job_name       TEXT   NOT NULL,             -- unique to this use of the key
  request        TEXT   NOT NULL,             -- JSON object of texts: the values that the caller gave
  complete       TEXT   NOT NULL,             -- request with defaults and with values from the account
  denied         TEXT   NOT NULL,             -- JSON list of reasons if the policy refused it; otherwise empty
  state          TEXT   NOT NULL,             -- the final state, for lists; empty while it can change. The log is authoritative
  created_ms     BIGINT NOT NULL,
  expires_ms     BIGINT NOT NULL,             -- from then on the key starts a new submission
  UNIQUE (key_hash, turn)
);
CREATE INDEX submission_by_time      ON submission (created_ms, id);
CREATE INDEX submission_by_principal ON submission (principal, created_ms, id);
CREATE INDEX submission_by_account   ON submission (account, created_ms, id);
CREATE INDEX submission_by_resource  ON submission (resource, created_ms, id);
CREATE INDEX submission_by_state     ON submission (state, created_ms, id);
CREATE INDEX submission_unended      ON submission (id) WHERE state = '';

-- The step logs. Rows are only inserted. The process that inserts step n decides what happens next.
CREATE TABLE submission_step (
  submission_id TEXT   NOT NULL REFERENCES submission (id) ON DELETE CASCADE,
  n             BIGINT NOT NULL CHECK (n >= 0),
  kind          TEXT   NOT NULL CHECK (kind IN ('attempt', 'void', 'created', 'refused')),
  owner         TEXT   NOT NULL,              -- random text of the insert, to recognise it after a lost answer
  at_ms         BIGINT NOT NULL,
  until_ms      BIGINT NOT NULL,              -- attempt: when the call may no longer be sent; otherwise 0
  job_id        TEXT   NOT NULL,              -- created: id of the job
  code          TEXT   NOT NULL,              -- void, refused: the cloud's error code, or the portal's reason
  message       TEXT   NOT NULL,              -- refused: the cloud's error message
  request_id    TEXT   NOT NULL,              -- id that the cloud gave the call
  PRIMARY KEY (submission_id, n)
);

-- Jobs: when the cloud was asked about a submission's job, and its last answer.
CREATE TABLE job (
  submission_id TEXT   NOT NULL PRIMARY KEY REFERENCES submission (id) ON DELETE CASCADE,
  asked_ms      BIGINT NOT NULL,              -- when a process last took the right to ask
  seen_ms       BIGINT NOT NULL,              -- time of the stored answer; 0 before the first
  seen          TEXT   NOT NULL               -- JSON object: that answer; empty before the first
);
