-- Put a new job at the end of the queue. A repeated Idempotency-Key returns the first answer.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/job_record.lua
-- include: queue/lua/shared/status.lua
-- include: queue/lua/shared/job_json.lua
-- include: queue/lua/shared/idempotency.lua
local job_id, at, queue_limit, idempotency_id = args.job_id, now(), args.queue_limit, args.idempotency_id
local body_hash, keep_s = args.body_hash, args.keep_s
local name, dataset, promote, spec, warnings = args.name, args.dataset, args.promote, args.spec, args.warnings
local tags, created_by, gpus = args.tags, args.created_by, args.gpus

local replay = first_answer(idempotency_id, body_hash)
if replay then return replay end

if redis.call('ZCARD', KEY.QUEUE) >= queue_limit then return {'queue_full', queue_limit} end

local job = {id = job_id, status = 'queued'}
set_fields(job, {
  id = job_id, name = name, dataset = dataset, promote = promote, spec = spec, warnings = warnings, tags = tags,
  recipe = args.recipe, created_by = created_by, created_at = at, submitted = redis.call('INCR', KEY.SUBMITTED),
  attempt_number = 0, deaths = 0, gpus = gpus > 1 and gpus or nil,
})
change_status(job, 'queued', at)
for _, index in ipairs(indexes(job)) do redis.call('ZADD', index, 0, job_id) end
emit_state(job, at)

local answer = job_json(job)
if idempotency_id ~= '' then
  local idempotency_key = KEY.IDEMPOTENCY .. idempotency_id
  redis.call('HSET', idempotency_key, 'body_hash', body_hash, 'job_id', job_id, 'answer', answer)
  redis.call('EXPIRE', idempotency_key, keep_s)
end
return {'ok', job_id, answer, ''}
