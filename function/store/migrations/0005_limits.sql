-- Rates, by the generic cell rate algorithm (GCRA): k is the key of the limit, tat_ms its theoretical arrival time.
CREATE TABLE rate (k TEXT NOT NULL PRIMARY KEY, tat_ms BIGINT NOT NULL);
CREATE INDEX rate_by_time ON rate (tat_ms);

-- Quotas: how many backups were reserved on a day (UTC, as 2026-11-23).
CREATE TABLE quota (k TEXT NOT NULL, day TEXT NOT NULL, used BIGINT NOT NULL, PRIMARY KEY (k, day));
CREATE INDEX quota_by_day ON quota (day);

-- Cool-downs: k is the account id, "/" and the resource. Until until_ms only the submission owner may back it up again.
CREATE TABLE cooldown (k TEXT NOT NULL PRIMARY KEY, owner TEXT NOT NULL, until_ms BIGINT NOT NULL);
CREATE INDEX cooldown_by_time ON cooldown (until_ms);

-- Reservations: what a key and fingerprint (id) took from the limits, so that a repeat takes nothing, and a refund returns it
-- once. held is the number of the attempt that holds it plus 1, or 0 after a refund. quotas is a JSON list of keys of quotas,
-- day is their day, and cooled is the key of the cool-down or empty.
CREATE TABLE admission (
	id     TEXT   NOT NULL PRIMARY KEY,
	at_ms  BIGINT NOT NULL,
	held   BIGINT NOT NULL,
	day    TEXT   NOT NULL,
	quotas TEXT   NOT NULL,
	cooled TEXT   NOT NULL
);
CREATE INDEX admission_by_time ON admission (at_ms);
