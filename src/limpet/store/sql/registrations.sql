-- Registrations of numbers with campaigns, and what the registrar is asked. Small tables, none of them asked for a message.
-- Rows are locked in one order: sender, service, membership, registration, job.

-- name: sender_hold_by_sid (reference)
UPDATE sender SET updated_at = updated_at WHERE sid = $1 AND released_at IS NULL RETURNING id;

-- name: senders_hold_by_address (reference)
-- Hold numbers, in the order of their ids: whoever looks at or changes what binds them does so alone.
WITH held AS MATERIALIZED (SELECT id FROM sender WHERE address = ANY ($1::text[]) AND released_at IS NULL
                            AND kind = 'long_code' ORDER BY id)
UPDATE sender AS n SET updated_at = n.updated_at FROM held WHERE n.id = held.id RETURNING n.id;

-- name: members_of_numbers (reference)
-- In which pools numbers are now.
SELECT m.service_id FROM pool_member m JOIN sender n ON n.id = m.sender_id
 WHERE n.address = ANY ($1::text[]) AND n.released_at IS NULL AND m.removed_at IS NULL;

-- name: registration_insert_missing (reference)
-- One registration for each long code of North America in the pool of a service that has a campaign.
INSERT INTO number_registration (account_id, service_id, campaign_id, member_id, sender_id, address, stage, created_at, updated_at)
SELECT c.account_id, c.service_id, c.id, m.id, n.id, n.address, 'waiting', $2, $2
  FROM campaign c
  JOIN pool_member m ON m.service_id = c.service_id AND m.removed_at IS NULL
  JOIN sender n ON n.id = m.sender_id AND n.kind = 'long_code' AND n.country = ANY ($3::text[])
 WHERE c.service_id = $1 AND c.deleted_at IS NULL
 ORDER BY m.id
    ON CONFLICT (member_id, campaign_id) DO NOTHING;

-- name: registrations_ready (reference)
-- Those that wait while nothing is in their way: the campaign is verified, and no former membership binds the number.
SELECT r.* FROM number_registration r
  JOIN campaign c ON c.id = r.campaign_id AND c.status = 'VERIFIED' AND c.deleted_at IS NULL
 WHERE r.stage = 'waiting' AND r.address = ANY ($1::text[])
   AND NOT EXISTS (SELECT FROM number_registration b WHERE b.address = r.address AND b.stage IN ('leaving', 'held'))
 ORDER BY r.id;

-- name: registrations_ready_addresses (reference)
-- The numbers of those, whoever has missed them.
SELECT DISTINCT r.address FROM number_registration r
  JOIN campaign c ON c.id = r.campaign_id AND c.status = 'VERIFIED' AND c.deleted_at IS NULL
 WHERE r.stage = 'waiting'
   AND NOT EXISTS (SELECT FROM number_registration b WHERE b.address = r.address AND b.stage IN ('leaving', 'held'))
 LIMIT $1;

-- name: registrations_overdue (reference)
SELECT * FROM number_registration WHERE stage IN ('pending', 'leaving') AND updated_at <= $1 ORDER BY id LIMIT $2;

-- name: registrations_of_members (reference)
SELECT * FROM number_registration WHERE member_id = ANY ($1::integer[]) AND stage <> 'free' ORDER BY id;

-- name: registrations_of_campaign (reference)
SELECT * FROM number_registration WHERE campaign_id = $1 AND stage <> 'free' ORDER BY id;

-- name: registration_by_id (reference)
SELECT * FROM number_registration WHERE id = $1;

-- name: registration_latest (reference)
-- The last registration of a number within a service, also of one that has left.
SELECT r.*, c.sid AS campaign_sid, c.status AS campaign_status FROM number_registration r
  JOIN sender n ON n.id = r.sender_id JOIN campaign c ON c.id = r.campaign_id
 WHERE r.service_id = $1 AND n.sid = $2 ORDER BY r.id DESC LIMIT 1;

-- name: registration_steps (reference)
-- What has happened to a number within a service, the newest first.
SELECT t.event, t.stage, t.reason, t.error_code, t.at, c.sid AS campaign_sid
  FROM number_registration r
  JOIN sender n ON n.id = r.sender_id
  JOIN campaign c ON c.id = r.campaign_id
  JOIN number_registration_step t ON t.registration_id = r.id
 WHERE r.service_id = $1 AND n.sid = $2 ORDER BY t.id DESC LIMIT $3;

-- name: registration_move (reference)
-- Only what is still where it was when its step was looked up moves.
UPDATE number_registration AS r
   SET stage = k.stage, reason = k.reason, error_code = k.error_code, job_key = coalesce(k.job_key, r.job_key), updated_at = $7
  FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::integer[], $6::text[])
       AS k (id, before, stage, reason, error_code, job_key)
 WHERE r.id = k.id AND r.stage = k.before
RETURNING r.*;

-- name: registration_note (reference)
INSERT INTO number_registration_step (registration_id, event, stage, reason, error_code, at)
SELECT k.*, $6 FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::integer[]) AS k;

-- name: registration_names (reference)
-- What the events of registrations name, and what the registrar is told of them.
SELECT r.id, r.address, r.stage, r.job_key, c.tcr_id, c.mock, a.sid AS account_sid, s.sid AS service_sid, c.sid AS campaign_sid, n.sid AS number_sid
  FROM number_registration r
  JOIN account a ON a.id = r.account_id
  JOIN service s ON s.id = r.service_id
  JOIN campaign c ON c.id = r.campaign_id
  JOIN sender n ON n.id = r.sender_id
 WHERE r.id = ANY ($1::integer[]);

-- name: numbers_held (reference)
-- Whether numbers are bound by a former membership, where that has changed.
UPDATE sender AS n SET a2p_held = NOT n.a2p_held
 WHERE n.address = ANY ($1::text[]) AND n.released_at IS NULL
   AND n.a2p_held <> EXISTS (SELECT FROM number_registration b WHERE b.address = n.address AND b.stage IN ('leaving', 'held'));

-- name: numbers_held_in_vain (reference)
-- Numbers that look bound, and that nothing binds: bought while the last registration was ending.
SELECT n.address FROM sender n
 WHERE n.a2p_held AND n.released_at IS NULL
   AND NOT EXISTS (SELECT FROM number_registration b WHERE b.address = n.address AND b.stage IN ('leaving', 'held'))
 LIMIT $1;

-- name: member_facts (reference)
-- What decides the clearance of each member of some pools, and what it is now.
SELECT m.id, m.service_id, m.clearance, n.kind, n.country, n.a2p_held, s.require_a2p, c.status AS campaign, r.stage
  FROM pool_member m
  JOIN sender n ON n.id = m.sender_id
  JOIN service s ON s.id = m.service_id
  LEFT JOIN campaign c ON c.service_id = m.service_id AND c.deleted_at IS NULL
  LEFT JOIN number_registration r ON r.member_id = m.id AND r.campaign_id = c.id
 WHERE m.service_id = ANY ($1::integer[]) AND m.removed_at IS NULL;

-- name: members_unregistered (reference)
-- Which of these memberships may not write to the United States any more (rule S-69): those in a pool that are not clear, and
-- those that have left whose number carriers have let go of, or never had. One that had no campaign is not concerned.
SELECT m.id FROM pool_member m
 WHERE m.id = ANY ($1::integer[])
   AND CASE WHEN m.removed_at IS NULL THEN m.clearance <> 'clear'
            ELSE EXISTS (SELECT FROM number_registration r WHERE r.member_id = m.id)
                 AND NOT EXISTS (SELECT FROM number_registration r
                                   JOIN number_registration_step t ON t.registration_id = r.id AND t.stage = 'registered'
                                  WHERE r.member_id = m.id AND r.stage IN ('leaving', 'held')) END;

-- name: numbers_unregistered (reference)
-- Which of these numbers may not write to the United States any more, of which messages without a service wait (rule S-69).
SELECT n.address FROM sender n JOIN pool_member p ON p.sender_id = n.id AND p.removed_at IS NULL AND p.clearance <> 'clear'
 WHERE n.address = ANY ($1::text[]) AND n.released_at IS NULL;

-- name: member_clear (reference)
UPDATE pool_member AS m SET clearance = k.clearance
  FROM unnest($1::integer[], $2::text[]) AS k (id, clearance) WHERE m.id = k.id;

-- name: service_registered (reference)
-- What Twilio calls `us_app_to_person_registered`; the service is held by whoever changes its campaign.
UPDATE service AS s SET us_app_to_person_registered = NOT s.us_app_to_person_registered, generation = s.generation + 1
 WHERE s.id = $1
   AND s.us_app_to_person_registered <> EXISTS (SELECT FROM campaign c
                                                 WHERE c.service_id = s.id AND c.deleted_at IS NULL AND c.status = 'VERIFIED');

-- name: service_demands (reference)
-- A service that has had a campaign wants registration also without one, until it says otherwise (rule S-65).
UPDATE service SET require_a2p = true, generation = generation + 1 WHERE id = $1 AND NOT require_a2p;

-- name: numbers_of_service (reference)
SELECT n.address FROM pool_member m JOIN sender n ON n.id = m.sender_id
 WHERE m.service_id = $1 AND m.removed_at IS NULL AND n.kind = 'long_code';

-- name: campaign_numbers_count (reference)
SELECT count(*) FROM number_registration WHERE campaign_id = $1 AND stage <> 'free';

-- name: job_insert (reference)
INSERT INTO registration_job (key, kind, subject_id, account_id, state, due_at, created_at)
SELECT k.key, k.kind, k.subject_id, k.account_id, 'due', $5, $5
  FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[]) AS k (key, kind, subject_id, account_id);

-- name: job_order (reference)
-- An operator's word about what nobody is asked at present: it is carried out like an answer.
INSERT INTO registration_job (key, kind, subject_id, account_id, state, due_at, created_at, verdict, error_code, reason)
VALUES ($1, $2, $3, $4, 'due', $5, $5, $6, $7, $8);

-- name: job_supersede (reference)
-- Nobody wants the answer any more. What is being sent at this moment is let end, so that what follows it comes after it.
UPDATE registration_job
   SET superseded = true, state = CASE WHEN state = 'sending' AND leased_until IS NOT NULL THEN state ELSE 'done' END,
       ended_at = CASE WHEN state = 'sending' AND leased_until IS NOT NULL THEN NULL ELSE $2::timestamptz END
 WHERE key = ANY ($1::text[]) AND state <> 'done';

-- name: job_claim (reference)
-- Take over what is due, or was being sent by somebody whose lease is over; until $2 nobody else gets it. A job waits while
-- another one about the same registration is being sent, and the removal of a campaign until its last number is out.
WITH due AS MATERIALIZED (
    SELECT j.id FROM registration_job j
     WHERE j.state <> 'done' AND j.due_at <= $1 AND coalesce(j.leased_until, $1) <= $1
       AND NOT EXISTS (SELECT FROM registration_job o
                        WHERE o.subject_id = j.subject_id AND o.id < j.id AND o.state = 'sending'
                          AND (o.kind = j.kind OR o.kind IN ('number', 'number_removal')
                                              AND j.kind IN ('number', 'number_removal')))
       AND NOT (j.kind = 'campaign_removal' AND EXISTS (SELECT FROM number_registration r
                                                         WHERE r.campaign_id = j.subject_id AND r.stage <> 'free'))
     ORDER BY j.due_at, j.id LIMIT $3
)
UPDATE registration_job AS j
   SET fence = j.fence + 1, leased_until = $2, attempt = j.attempt + 1,
       submitted_at = CASE WHEN j.state = 'due' THEN coalesce(j.submitted_at, $1) ELSE j.submitted_at END,
       state = CASE WHEN j.state = 'due' THEN 'sending' ELSE j.state END
  FROM due, registration_job AS o
 WHERE j.id = due.id AND o.id = j.id AND j.state <> 'done' AND j.due_at <= $1 AND coalesce(j.leased_until, $1) <= $1
RETURNING j.*, o.state AS state_before;

-- name: job_settle (reference)
-- What came of a claim; one that is not ours any more changes nothing.
UPDATE registration_job
   SET state = CASE WHEN superseded THEN 'done' ELSE $3 END, due_at = $4, leased_until = NULL, reference = coalesce($5, reference),
       error_code = $6, reason = $7, trouble = $8, attempt = CASE WHEN $9 THEN 0 ELSE attempt END,
       ended_at = CASE WHEN superseded OR $3 = 'done' THEN $10::timestamptz ELSE NULL END
 WHERE id = $1 AND fence = $2 AND state <> 'done'
RETURNING superseded;

-- name: account_sid_by_id (reference)
SELECT sid FROM account WHERE id = $1;

-- name: job_verdict (reference)
UPDATE registration_job SET verdict = $2, error_code = $3, reason = $4, due_at = least(due_at, $5), leased_until = NULL
 WHERE key = $1 AND state <> 'done' AND NOT superseded RETURNING id;

-- name: jobs_open (reference)
-- What the registrar is asked at present, and what it refused, with whose it is.
SELECT j.*, a.sid AS account_sid, b.sid AS brand_sid, c.sid AS campaign_sid, n.sid AS number_sid, r.address, r.stage,
       t.sid AS verification_sid
  FROM registration_job j
  JOIN account a ON a.id = j.account_id
  LEFT JOIN brand b ON j.kind = 'brand' AND b.id = j.subject_id
  LEFT JOIN number_registration r ON j.kind IN ('number', 'number_removal') AND r.id = j.subject_id
  LEFT JOIN campaign c ON c.id = CASE WHEN j.kind IN ('campaign', 'campaign_removal') THEN j.subject_id ELSE r.campaign_id END
  LEFT JOIN sender n ON n.id = r.sender_id
  LEFT JOIN tollfree_verification t ON j.kind = 'tollfree' AND t.id = j.subject_id
 WHERE NOT j.superseded AND (j.state <> 'done' OR $1 AND r.job_key = j.key AND r.stage <> 'free')
 ORDER BY j.id LIMIT $2;

-- name: registration_open_of_number (reference)
SELECT * FROM number_registration WHERE address = $1 AND stage <> 'free' ORDER BY id LIMIT 10;

-- name: number_by_sid (reference)
SELECT address FROM sender WHERE sid = $1;
