-- Who last had a job cancelled, and when the cloud took that; 0 and empty if nobody had.
ALTER TABLE job ADD COLUMN cancel_ms             BIGINT NOT NULL DEFAULT 0;
ALTER TABLE job ADD COLUMN cancel_principal      TEXT   NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN cancel_principal_name TEXT   NOT NULL DEFAULT '';

-- Whether what was last seen is the end of the job, which nothing that was seen earlier or later may take back; 0 or 1.
ALTER TABLE job ADD COLUMN ended BIGINT NOT NULL DEFAULT 0;
