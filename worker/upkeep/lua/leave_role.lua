-- Leave a role, if this process still has it: the next process that looks takes it at once.
local role, process_id = args.role, args.process_id
local recorded = redis.call('HGET', KEY.UPKEEP_ROLES, role)
if recorded and recorded:match('^(.*) %d+$') == process_id then redis.call('HDEL', KEY.UPKEEP_ROLES, role) end
return {'ok'}
