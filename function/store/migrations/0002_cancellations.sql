-- Who last had a job cancelled, and when the cloud took that; 0 and empty if nobody had.
ALTER TABLE job ADD COLUMN cancel_ms             BIGINT NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN cancel_principal      TEXT   NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN cancel_principal_name TEXT   NOT NULL DEFAULT '';
