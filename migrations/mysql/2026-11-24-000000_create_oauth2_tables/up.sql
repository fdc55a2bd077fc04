-- The columns are those of authlib's SQLAlchemy mixins, with 64-bit times.
--
-- Secrets and what is looked up with them are compared byte by byte, trailing spaces included, which the default
-- collations do not do. MariaDB and MySQL name such a collation differently: MariaDB alone executes /*M! */, and it
-- skips /*!80017 */, which MySQL from 8.0.17 executes. (A narrower character set would save nothing, and MariaDB
-- answers a comparison with a letter beyond it with an error instead of no row.)
--
-- MySQL commits after each statement that defines a table. Each table comes whole, with its indexes, and is skipped
-- where it exists, so that a migration cut short is completed by running it again.

CREATE TABLE IF NOT EXISTS oauth2_client (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    user_id BIGINT,
    client_id VARCHAR(48)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL,
    client_secret VARCHAR(255)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */,
    client_id_issued_at BIGINT NOT NULL DEFAULT 0,
    client_secret_expires_at BIGINT NOT NULL DEFAULT 0,
    client_metadata TEXT,
    UNIQUE KEY oauth2_client_client_id_key (client_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4;

CREATE TABLE IF NOT EXISTS oauth2_code (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    user_id BIGINT,
    code VARCHAR(120)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL,
    client_id VARCHAR(48)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL,
    redirect_uri TEXT,
    response_type TEXT,
    scope TEXT,
    nonce TEXT,
    auth_time BIGINT NOT NULL,
    acr TEXT,
    amr TEXT,
    code_challenge TEXT,
    code_challenge_method VARCHAR(48),
    UNIQUE KEY oauth2_code_code_key (code),
    KEY oauth2_code_client_id_idx (client_id),
    -- For removing codes by age.
    KEY oauth2_code_auth_time_idx (auth_time),
    CONSTRAINT oauth2_code_client_id_fkey
        FOREIGN KEY (client_id) REFERENCES oauth2_client (client_id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4;

CREATE TABLE IF NOT EXISTS oauth2_token (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    user_id BIGINT,
    client_id VARCHAR(48)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL,
    token_type VARCHAR(40),
    access_token VARCHAR(255)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL,
    refresh_token VARCHAR(255)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */,
    scope TEXT,
    issued_at BIGINT NOT NULL,
    access_token_revoked_at BIGINT NOT NULL DEFAULT 0,
    refresh_token_revoked_at BIGINT NOT NULL DEFAULT 0,
    expires_in BIGINT NOT NULL DEFAULT 0,
    UNIQUE KEY oauth2_token_access_token_key (access_token),
    -- Not unique, as authlib's is not: a server may keep the refresh token of the row that a refresh replaces.
    KEY oauth2_token_refresh_token_idx (refresh_token),
    KEY oauth2_token_client_id_idx (client_id),
    KEY oauth2_token_user_id_idx (user_id),
    -- For removing tokens by age.
    KEY oauth2_token_issued_at_idx (issued_at),
    CONSTRAINT oauth2_token_client_id_fkey
        FOREIGN KEY (client_id) REFERENCES oauth2_client (client_id) ON DELETE CASCADE
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4;
