-- The role of the portal and the rights that it needs. Run this file as the owner of the database after each
-- migrate: a new version may have new tables. The portal cannot change or delete audit records.
CREATE ROLE backup_portal LOGIN; -- and a password, or a certificate
GRANT USAGE ON SCHEMA public TO backup_portal;
GRANT SELECT ON schema_version TO backup_portal;
GRANT SELECT, INSERT, DELETE ON submission TO backup_portal;
GRANT UPDATE (state, resource_name) ON submission TO backup_portal;
GRANT SELECT, INSERT ON submission_step TO backup_portal; -- the step log: rows are only added
GRANT SELECT, INSERT, UPDATE ON job TO backup_portal;
GRANT SELECT, INSERT, UPDATE ON notice TO backup_portal;
GRANT SELECT, INSERT, UPDATE, DELETE ON rejection TO backup_portal;
GRANT SELECT, INSERT, UPDATE ON rejection_notice TO backup_portal;
GRANT SELECT, INSERT, UPDATE, DELETE ON gap TO backup_portal;
GRANT SELECT, INSERT, UPDATE ON gap_notice TO backup_portal;
GRANT SELECT, INSERT, UPDATE, DELETE ON rate, quota, cooldown, admission TO backup_portal;
GRANT SELECT, INSERT, DELETE ON revoked TO backup_portal;
GRANT SELECT, INSERT, UPDATE, DELETE ON draft, batch TO backup_portal;
GRANT SELECT, INSERT, UPDATE ON batch_item TO backup_portal;
GRANT SELECT, INSERT ON audit TO backup_portal; -- the portal cannot change or delete audit records
