-- What `oauth-as` keeps beside its clients, which are in `oauth2_client`. Each table's key is the SHA-256 digest of a
-- secret, or an id; `record` is the rest as JSON without any secret; `sealed` is what only the holder of the secret can
-- read. Times are nanoseconds of the epoch: `oauth-as` compares them exactly.
--
-- The keys are compared byte by byte, as in the tables of `diesel_oauth2`, whose migration says how. MySQL commits after
-- each statement that defines a table: each is skipped where it was done, so that a migration cut short can be run again.

CREATE TABLE IF NOT EXISTS oauth_as_access_token (
    access_token VARCHAR(64)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL PRIMARY KEY,
    client_id VARCHAR(512)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL,
    subject VARCHAR(255)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */,
    family_id VARCHAR(255)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */,
    scope MEDIUMTEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    record MEDIUMTEXT NOT NULL,
    KEY oauth_as_access_token_client_idx (client_id, subject),
    KEY oauth_as_access_token_family_idx (family_id),
    KEY oauth_as_access_token_expires_at_idx (expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4;

CREATE TABLE IF NOT EXISTS oauth_as_refresh_token (
    refresh_token VARCHAR(64)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL PRIMARY KEY,
    client_id VARCHAR(512)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL,
    subject VARCHAR(255)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */,
    family_id VARCHAR(255)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL,
    -- NULL: it does not expire.
    expires_at BIGINT,
    record MEDIUMTEXT NOT NULL,
    sealed MEDIUMTEXT,
    KEY oauth_as_refresh_token_client_idx (client_id, subject),
    KEY oauth_as_refresh_token_family_idx (family_id),
    KEY oauth_as_refresh_token_expires_at_idx (expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4;

CREATE TABLE IF NOT EXISTS oauth_as_code (
    code VARCHAR(64)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL PRIMARY KEY,
    client_id VARCHAR(512)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL,
    subject VARCHAR(255)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL,
    expires_at BIGINT NOT NULL,
    record MEDIUMTEXT NOT NULL,
    sealed MEDIUMTEXT,
    KEY oauth_as_code_client_idx (client_id, subject),
    KEY oauth_as_code_expires_at_idx (expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4;

CREATE TABLE IF NOT EXISTS oauth_as_device_grant (
    device_code VARCHAR(64)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL PRIMARY KEY,
    user_code VARCHAR(64)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL UNIQUE,
    client_id VARCHAR(512)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL,
    -- Who approved it. NULL: nobody has.
    subject VARCHAR(255)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */,
    expires_at BIGINT NOT NULL,
    record MEDIUMTEXT NOT NULL,
    -- The two codes, readable with the device code and with the user code.
    sealed MEDIUMTEXT NOT NULL,
    sealed_for_user MEDIUMTEXT NOT NULL,
    KEY oauth_as_device_grant_client_idx (client_id, subject),
    KEY oauth_as_device_grant_expires_at_idx (expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4;

CREATE TABLE IF NOT EXISTS oauth_as_pushed_request (
    request_uri VARCHAR(64)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL PRIMARY KEY,
    client_id VARCHAR(512)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL,
    expires_at BIGINT NOT NULL,
    sealed MEDIUMTEXT NOT NULL,
    KEY oauth_as_pushed_request_client_idx (client_id),
    KEY oauth_as_pushed_request_expires_at_idx (expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4;

-- Not unique by client and subject: the trait leaves it to its caller.
CREATE TABLE IF NOT EXISTS oauth_as_consent (
    consent_id VARCHAR(255)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL PRIMARY KEY,
    client_id VARCHAR(512)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL,
    subject VARCHAR(255)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL,
    granted_at BIGINT NOT NULL,
    record MEDIUMTEXT NOT NULL,
    KEY oauth_as_consent_client_idx (client_id, subject),
    KEY oauth_as_consent_subject_idx (subject)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4;

-- The identifiers of assertions and proofs that were used, as digests, until nobody would accept them any more.
CREATE TABLE IF NOT EXISTS oauth_as_replay_id (
    replay_id VARCHAR(64)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL,
    KEY oauth_as_replay_id_expires_at_idx (expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4;

-- What was revoked, for the requests that are under way: a digest of the client, the family, or the client and the
-- subject.
CREATE TABLE IF NOT EXISTS oauth_as_barrier (
    scope VARCHAR(64)
        /*M! CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin */
        /*!80017 CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin */
        NOT NULL PRIMARY KEY,
    recorded_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    KEY oauth_as_barrier_expires_at_idx (expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET = utf8mb4;

-- Whatever issues takes a share in the rows of what it issues for; whatever revokes takes the row for itself: so nothing
-- is issued past a revocation. A row stands for many clients and families, told apart by a digest.
CREATE TABLE IF NOT EXISTS oauth_as_lock (
    id SMALLINT NOT NULL PRIMARY KEY
) ENGINE = InnoDB;

INSERT IGNORE INTO oauth_as_lock (id)
WITH RECURSIVE numbers (id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM numbers WHERE id < 255)
SELECT id FROM numbers;
