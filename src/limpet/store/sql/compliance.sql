-- Brands, campaigns and toll-free verifications: records that few people write and read.

-- name: brand_insert (reference)
INSERT INTO brand (sid, account_id, customer_profile_sid, a2p_profile_sid, brand_type, mock, skip_vetting, status, job_key,
                   created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'PENDING', $8, $9, $9)
RETURNING *;

-- name: brand_by_sid (reference)
SELECT * FROM brand WHERE account_id = $1 AND sid = $2;

-- name: brand_by_id (reference)
SELECT * FROM brand WHERE id = $1;

-- name: brand_hold (reference)
UPDATE brand SET updated_at = updated_at WHERE account_id = $1 AND sid = $2 RETURNING *;

-- name: brand_page_down (reference)
SELECT * FROM brand WHERE account_id = $1 AND id < $2::bigint ORDER BY id DESC LIMIT $3;

-- name: brand_page_up (reference)
SELECT * FROM brand WHERE account_id = $1 AND id > $2::bigint ORDER BY id LIMIT $3;

-- name: brand_resubmit (reference)
UPDATE brand SET status = 'PENDING', errors = '[]', job_key = $2, updated_at = $3 WHERE id = $1 RETURNING *;

-- name: brand_answered (reference)
-- The registrar's word on a brand, if it is the answer to what was asked last.
UPDATE brand SET status = $3, identity_status = $4, tcr_id = coalesce($5, tcr_id), score = coalesce($6, score), errors = $7,
                 updated_at = $8
 WHERE id = $1 AND job_key = $2 RETURNING id;

-- name: campaign_insert (reference)
INSERT INTO campaign (sid, account_id, service_id, brand_id, usecase, status, mock, fields, limits, job_key, created_at, updated_at)
VALUES ($1, $2, $3, $4, $5, 'PENDING', $6, $7, $8, $9, $10, $10)
RETURNING id;

-- name: campaign_by_id (reference)
SELECT c.*, b.sid AS brand_sid, s.sid AS service_sid
  FROM campaign c JOIN brand b ON b.id = c.brand_id JOIN service s ON s.id = c.service_id WHERE c.id = $1;

-- name: campaign_by_sid (reference)
SELECT c.*, b.sid AS brand_sid FROM campaign c JOIN brand b ON b.id = c.brand_id
 WHERE c.service_id = $1 AND c.sid = $2 AND c.deleted_at IS NULL;

-- name: campaign_of_service (reference)
SELECT c.*, b.sid AS brand_sid FROM campaign c JOIN brand b ON b.id = c.brand_id
 WHERE c.service_id = $1 AND c.deleted_at IS NULL;

-- name: campaign_service (reference)
SELECT service_id FROM campaign WHERE sid = $1 AND deleted_at IS NULL;

-- name: campaigns_of_brand_count (reference)
SELECT count(*) FROM campaign WHERE brand_id = $1 AND deleted_at IS NULL;

-- name: campaign_change (reference)
UPDATE campaign SET fields = $2, status = $3, errors = '[]', job_key = $4, updated_at = $5 WHERE id = $1 RETURNING id;

-- name: campaign_answered (reference)
-- The registrar's word on a campaign, if it is the answer to what was asked last.
UPDATE campaign SET status = $3, tcr_id = coalesce($4, tcr_id), limits = coalesce($5, limits), errors = $6, updated_at = $7
 WHERE id = $1 AND job_key = $2 AND deleted_at IS NULL RETURNING id;

-- name: campaign_ordered (reference)
-- An operator suspends a campaign, or lets it go on.
UPDATE campaign SET status = $2, errors = $4, updated_at = $5 WHERE id = $1 AND status = $3 AND deleted_at IS NULL RETURNING id;

-- name: campaign_delete (reference)
UPDATE campaign SET deleted_at = $2, updated_at = $2, status = 'DELETED' WHERE id = $1 AND deleted_at IS NULL RETURNING account_id, job_key;

-- name: campaign_by_sid_any (reference)
SELECT * FROM campaign WHERE sid = $1 AND deleted_at IS NULL;

-- name: verification_insert (reference)
-- No row when the number has one already.
INSERT INTO tollfree_verification (sid, account_id, sender_id, status, fields, job_key, created_at, updated_at)
VALUES ($1, $2, $3, 'PENDING_REVIEW', $4, $5, $6, $6)
    ON CONFLICT (sender_id) WHERE deleted_at IS NULL DO NOTHING
RETURNING id;

-- name: verification_by_sid (reference)
SELECT v.*, n.sid AS number_sid, n.address FROM tollfree_verification v JOIN sender n ON n.id = v.sender_id
 WHERE v.account_id = $1 AND v.sid = $2 AND v.deleted_at IS NULL;

-- name: verification_by_id (reference)
SELECT v.*, n.sid AS number_sid, n.address FROM tollfree_verification v JOIN sender n ON n.id = v.sender_id WHERE v.id = $1;

-- name: verification_page_down (reference)
SELECT v.*, n.sid AS number_sid, n.address FROM tollfree_verification v JOIN sender n ON n.id = v.sender_id
 WHERE v.account_id = $1 AND v.deleted_at IS NULL AND ($2::text IS NULL OR n.sid = $2) AND ($3::text IS NULL OR v.status = $3)
   AND ($4::text IS NULL OR v.fields ->> 'external_reference_id' = $4) AND v.id < $5::bigint ORDER BY v.id DESC LIMIT $6;

-- name: verification_page_up (reference)
SELECT v.*, n.sid AS number_sid, n.address FROM tollfree_verification v JOIN sender n ON n.id = v.sender_id
 WHERE v.account_id = $1 AND v.deleted_at IS NULL AND ($2::text IS NULL OR n.sid = $2) AND ($3::text IS NULL OR v.status = $3)
   AND ($4::text IS NULL OR v.fields ->> 'external_reference_id' = $4) AND v.id > $5::bigint ORDER BY v.id LIMIT $6;

-- name: verification_change (reference)
UPDATE tollfree_verification SET fields = $2, status = 'PENDING_REVIEW', reason = NULL, error_code = NULL, edit_until = NULL,
                                 job_key = $3, updated_at = $4
 WHERE id = $1 AND deleted_at IS NULL RETURNING id;

-- name: verification_delete (reference)
UPDATE tollfree_verification SET deleted_at = $3, updated_at = $3
 WHERE account_id = $1 AND sid = $2 AND deleted_at IS NULL RETURNING job_key;

-- name: verification_answered (reference)
-- The registrar's word on a verification, if it is the answer to what was asked last.
UPDATE tollfree_verification SET status = $3, reason = $4, error_code = $5, edit_until = $6, updated_at = $7
 WHERE id = $1 AND job_key = $2 AND deleted_at IS NULL RETURNING id;
