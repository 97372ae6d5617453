-- How often something may be done, by the generic cell rate algorithm: when the next one would be on time.
CREATE TABLE rate (k TEXT NOT NULL PRIMARY KEY, tat_ms BIGINT NOT NULL);
CREATE INDEX rate_by_time ON rate (tat_ms);

-- How many backups were admitted in a day of UTC.
CREATE TABLE quota (k TEXT NOT NULL, day TEXT NOT NULL, used BIGINT NOT NULL, PRIMARY KEY (k, day));
CREATE INDEX quota_by_day ON quota (day);

-- Until when a resource is not backed up again, but by the submission that did.
CREATE TABLE cooldown (k TEXT NOT NULL PRIMARY KEY, owner TEXT NOT NULL, until_ms BIGINT NOT NULL);
CREATE INDEX cooldown_by_time ON cooldown (until_ms);

-- What was taken for a key's submission, so that a repeat takes nothing and that it can be given back once. Held is the
-- number of the attempt that has it, from 1, and 0 when it is given back; quotas are a JSON list of keys.
CREATE TABLE admission (
	id     TEXT   NOT NULL PRIMARY KEY,
	at_ms  BIGINT NOT NULL,
	held   BIGINT NOT NULL,
	day    TEXT   NOT NULL,
	quotas TEXT   NOT NULL,
	cooled TEXT   NOT NULL
);
CREATE INDEX admission_by_time ON admission (at_ms);
