-- Batches: many submissions as one. A row changes until the batch has ended. Rows are removed two weeks after their creation
-- or later.
CREATE TABLE batch (
  id          TEXT   NOT NULL PRIMARY KEY, -- 26 characters: hash of door, principal and key
  fingerprint TEXT   NOT NULL,             -- SHA-256 of parameters and options, in hexadecimal
  door        TEXT   NOT NULL,
  principal   TEXT   NOT NULL,             -- issuer, "#", subject
  sender      TEXT   NOT NULL,             -- JSON: the principal with its groups, and the key
  common      TEXT   NOT NULL,             -- JSON object of texts: the parameters of every item
  options     TEXT   NOT NULL,             -- JSON object
  total       BIGINT NOT NULL,             -- number of items
  state       TEXT   NOT NULL,
  pause       TEXT   NOT NULL,             -- why it is paused; empty otherwise
  changed_by  TEXT   NOT NULL,             -- name of the principal of the last change
  counts      TEXT   NOT NULL,             -- JSON object: the number of items in each state
  control     TEXT   NOT NULL,             -- JSON object: what the processes share, such as the rate
  created_ms  BIGINT NOT NULL,
  ended_ms    BIGINT NOT NULL              -- when the last item ended; 0 before
);
CREATE INDEX batch_by_principal ON batch (principal, created_ms, id);
CREATE INDEX batch_by_time      ON batch (created_ms, id);
CREATE INDEX batch_open         ON batch (created_ms, id) WHERE ended_ms = 0;

-- The items of batches. A process changes them only while it holds the lock of the row of their batch.
CREATE TABLE batch_item (
  batch_id      TEXT   NOT NULL REFERENCES batch (id) ON DELETE CASCADE,
  n             BIGINT NOT NULL,           -- from 0
  given         TEXT   NOT NULL,           -- JSON object of texts: the parameters of the item alone
  state         TEXT   NOT NULL,
  submission_id TEXT   NOT NULL,           -- empty for an item that was refused
  attempts      BIGINT NOT NULL,           -- how often a process took it
  due_ms        BIGINT NOT NULL,           -- waiting: not before this time; starting: end of the lease
  code          TEXT   NOT NULL,
  reasons       TEXT   NOT NULL,           -- JSON list; empty for none
  changed_ms    BIGINT NOT NULL,
  PRIMARY KEY (batch_id, n)
);
CREATE INDEX batch_item_due ON batch_item (batch_id, due_ms, n) WHERE state IN ('waiting', 'starting');
CREATE INDEX batch_item_by_state ON batch_item (batch_id, state, n);
CREATE INDEX batch_item_by_change ON batch_item (batch_id, changed_ms, n);
