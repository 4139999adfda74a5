-- Apply a report that is progress alone, the most frequent one by far: without reading the whole record.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/events.lua
local key = KEY.ITEM .. args.item_id
local known = redis.call('HMGET', key, 'id', 'attempt', 'status', 'renewals', 'seq', 'kind', 'project', 'last_event')
if not known[1] then return {'job_not_found', args.item_id} end
if known[2] ~= args.attempt_id then return {'stale_attempt', args.item_id, args.attempt_id} end
local reply, renewals = {'ok', known[3]}, known[4] + 1
if args.seq <= tonumber(known[5]) then
  redis.call('HSET', key, 'renewals', renewals)
  return reply
end

redis.call('HSET', key, 'renewals', renewals, 'seq', args.seq, 'progress', args.progress)
local item = {
  id = args.item_id, kind = known[6] or 'training', project = known[7] or 'default', last_event = known[8] or nil,
}
emit_progress(item, now(), args.progress:sub(2, -2))
return reply
