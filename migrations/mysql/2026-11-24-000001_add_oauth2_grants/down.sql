ALTER TABLE oauth2_code
    DROP COLUMN /*M! IF EXISTS */ redeemed_at,
    DROP COLUMN /*M! IF EXISTS */ grant_id;

ALTER TABLE oauth2_token
    DROP INDEX /*M! IF EXISTS */ oauth2_token_grant_id_idx,
    DROP COLUMN /*M! IF EXISTS */ refresh_token_rotated_at,
    DROP COLUMN /*M! IF EXISTS */ grant_id;

DROP TABLE IF EXISTS oauth2_grant;
