-- What a device polls with and what its user types in (RFC 8628).
--
-- No foreign key: authlib's own table of clients may lack the unique index.

CREATE TABLE IF NOT EXISTS oauth2_device_code (
    id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    device_code VARCHAR(120)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL,
    user_code VARCHAR(120)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL,
    client_id VARCHAR(48)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL,
    scope TEXT,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    poll_interval BIGINT NOT NULL,
    last_polled_at BIGINT NOT NULL DEFAULT 0,
    user_id BIGINT,
    grant_id BIGINT,
    approved_at BIGINT NOT NULL DEFAULT 0,
    denied_at BIGINT NOT NULL DEFAULT 0,
    redeemed_at BIGINT NOT NULL DEFAULT 0,
    UNIQUE KEY oauth2_device_code_device_code_key (device_code),
    UNIQUE KEY oauth2_device_code_user_code_key (user_code),
    -- For removing device codes by age.
    KEY oauth2_device_code_issued_at_idx (issued_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4;
