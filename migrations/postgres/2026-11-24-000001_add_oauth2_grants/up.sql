-- A grant is what a user (or a client for itself) once agreed to, and the family of all tokens that came of it. Whatever
-- issues and whatever revokes meet on its row, so that no token slips between them.

CREATE TABLE oauth2_grant (
    id BIGINT PRIMARY KEY,
    user_id BIGINT,
    client_id VARCHAR(48) NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL DEFAULT 0,
    revoked_at BIGINT NOT NULL DEFAULT 0
);

CREATE INDEX oauth2_grant_client_id_idx ON oauth2_grant (client_id);
CREATE INDEX oauth2_grant_user_id_idx ON oauth2_grant (user_id) WHERE user_id IS NOT NULL;
-- For removing grants by age, in an order that needs no sort.
CREATE INDEX oauth2_grant_created_at_idx ON oauth2_grant (created_at, id);

-- No foreign keys: SQLite could not drop the columns again, and authlib's own tables may lack the unique index.
ALTER TABLE oauth2_token ADD COLUMN grant_id BIGINT;
ALTER TABLE oauth2_token ADD COLUMN refresh_token_rotated_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX oauth2_token_grant_id_idx ON oauth2_token (grant_id) WHERE grant_id IS NOT NULL;

ALTER TABLE oauth2_code ADD COLUMN grant_id BIGINT;
ALTER TABLE oauth2_code ADD COLUMN redeemed_at BIGINT NOT NULL DEFAULT 0;
