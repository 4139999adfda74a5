-- Applies a call once: the client may repeat the call when the reply was lost, and the repetition gets the first reply.
-- A refusal is not kept, because it changed nothing.
local KEPT_S = 60 -- several times as long as the client repeats a call

local function script()
-- SCRIPT
end

local first_reply_key = KEY.FIRST_REPLIES .. args.call_id
local first_reply = redis.call('LRANGE', first_reply_key, 0, -1)
if #first_reply > 0 then return first_reply end

local reply = script()
if reply[1] == 'ok' then
  redis.call('RPUSH', first_reply_key, unpack(reply))
  redis.call('EXPIRE', first_reply_key, KEPT_S)
end
return reply
