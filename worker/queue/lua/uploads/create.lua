-- Begin an upload that arrives in parts. The same Idempotency-Key again returns the first upload.
-- include: redis_server/lua/project.lua
-- include: queue/lua/shared/idempotency.lua
local first = first_answer()
if first then return first end

local upload = scoped(args.project, KEY.UPLOADS) .. args.upload_id
redis.call('HSET', upload, 'record', args.record, 'offset', 0, 'length', args.length)
redis.call('EXPIRE', upload, args.kept_s)
if args.idempotency_id ~= '' then
  local key = KEY.IDEMPOTENCY .. args.idempotency_id
  redis.call('HSET', key, 'body_hash', args.body_hash, 'job_id', args.upload_id, 'answer', '')
  redis.call('EXPIRE', key, args.keep_s)
end
return {'ok', args.upload_id}
