-- Give a job that waited for a dataset its resolved spec, and put it into the queue unless it is paused.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/status.lua
local waiting = KEY.WAITING .. args.import_id
local job = load_item(args.item_id)
if not job or TERMINAL[job.status] or job.waits_for ~= args.import_id then
  redis.call('SREM', waiting, args.item_id)
  return {'ok'}
end

local by_dataset = scoped(job.project, KEY.JOBS_BY_DATASET)
redis.call('ZREM', by_dataset .. job.dataset, job.id)
redis.call('ZADD', by_dataset .. args.dataset, 0, job.id)
redis.call('SREM', waiting, job.id)
if job.status == 'queued' then dequeue(job) end
clear_fields(job, 'waits_for', 'posted_spec')
set_fields(job, {
  dataset = args.dataset, spec = args.spec, recipe = args.recipe, warnings = args.warnings,
  gpus = args.gpus > 1 and args.gpus or nil,
})
if job.status == 'queued' then enqueue(job) end
emit_state(job, now())
return {'ok'}
