-- A grant is what a user (or a client for itself) once agreed to, and the family of all tokens that came of it. Whatever
-- issues and whatever revokes meet on its row, so that no token slips between them.
--
-- Each statement is skipped where it was done; MySQL, which cannot skip a column, stops at the first that is there.

CREATE TABLE IF NOT EXISTS oauth2_grant (
    id BIGINT NOT NULL PRIMARY KEY,
    user_id BIGINT,
    client_id VARCHAR(48)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL DEFAULT 0,
    revoked_at BIGINT NOT NULL DEFAULT 0,
    KEY oauth2_grant_client_id_idx (client_id),
    KEY oauth2_grant_user_id_idx (user_id),
    -- For removing grants by age.
    KEY oauth2_grant_created_at_idx (created_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4;

-- No foreign keys: authlib's own tables may lack the unique index.
ALTER TABLE oauth2_token
    ADD COLUMN /*M! IF NOT EXISTS */ grant_id BIGINT,
    ADD COLUMN /*M! IF NOT EXISTS */ refresh_token_rotated_at BIGINT NOT NULL DEFAULT 0,
    ADD INDEX /*M! IF NOT EXISTS */ oauth2_token_grant_id_idx (grant_id);

ALTER TABLE oauth2_code
    ADD COLUMN /*M! IF NOT EXISTS */ grant_id BIGINT,
    ADD COLUMN /*M! IF NOT EXISTS */ redeemed_at BIGINT NOT NULL DEFAULT 0;
