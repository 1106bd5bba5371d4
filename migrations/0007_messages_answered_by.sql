-- GET /chat/conversations/{id}: whether the parser or the model understood a message. What was said before, and what the previous
-- version still writes, says neither; so there is nothing to look through, and the lock is short.
ALTER TABLE messages
    ADD COLUMN answered_by text;
ALTER TABLE messages
    ADD CONSTRAINT messages_answered_by_known CHECK (answered_by IN ('parser', 'model')) NOT VALID;
