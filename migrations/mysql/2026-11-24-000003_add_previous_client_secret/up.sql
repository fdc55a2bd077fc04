-- The secret before the current one, which stays valid for a while after it was replaced.

ALTER TABLE oauth2_client
    ADD COLUMN /*M! IF NOT EXISTS */ previous_client_secret VARCHAR(255)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */,
    ADD COLUMN /*M! IF NOT EXISTS */ previous_client_secret_expires_at BIGINT NOT NULL DEFAULT 0;
