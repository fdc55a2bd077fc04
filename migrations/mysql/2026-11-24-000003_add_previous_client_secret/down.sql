ALTER TABLE oauth2_client
    DROP COLUMN /*M! IF EXISTS */ previous_client_secret_expires_at,
    DROP COLUMN /*M! IF EXISTS */ previous_client_secret;
