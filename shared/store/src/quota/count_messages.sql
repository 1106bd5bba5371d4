-- By the index alone: messages_pkey.
SELECT count(*) AS "count!"
FROM messages
WHERE user_id = $1 AND id >= $2
