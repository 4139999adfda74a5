-- Apply a report that is progress alone, the most frequent one by far: without reading the whole record.
-- arguments: item_id, attempt_id, seq, progress
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/events.lua
local key = KEY.ITEM .. args.item_id
local known = redis.call('HMGET', key, 'attempt', 'status', 'renewals', 'seq', 'kind', 'project', 'last_event')
if not known[2] then return {'job_not_found', args.item_id} end
if known[1] ~= args.attempt_id then return {'stale_attempt', args.item_id, args.attempt_id} end
local status, renewals = known[2], known[3] + 1
if tonumber(args.seq) <= tonumber(known[4]) then
  redis.call('HSET', key, 'renewals', renewals)
  return status
end

redis.call('HSET', key, 'renewals', renewals, 'seq', args.seq, 'progress', args.progress)
local item = {
  id = args.item_id, kind = known[5] or 'training', project = known[6] or 'default', last_event = known[7] or nil,
}
emit_progress(item, now(), args.progress:sub(2, -2))
return status
