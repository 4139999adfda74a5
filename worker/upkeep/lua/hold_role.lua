-- Take or renew a role in the upkeep, if nobody took or renewed it since the caller read `seen`; '' means that nobody has
-- the role. Returns what is recorded now, so that a repetition after a lost reply finds the caller's own renewal.
local role, process_id, seen = args.role, args.process_id, args.seen
local recorded = redis.call('HGET', KEY.UPKEEP_ROLES, role) or ''
if recorded == seen then
  local renewals = tonumber(seen:match(' (%d+)$') or 0)
  recorded = process_id .. ' ' .. renewals + 1
  redis.call('HSET', KEY.UPKEEP_ROLES, role, recorded)
end
return {'ok', recorded}
