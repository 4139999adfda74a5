-- Give a job that waited for a dataset its resolved spec, and put it into the queue unless it is paused.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/status.lua
-- include: queue/lua/shared/waiting.lua
local job = load_item(args.item_id)
local waits = job and job.waits_for == args.import_id
leave_import(job, args.import_id, args.dataset)
if not waits then return {'ok'} end

if job.status == 'queued' then dequeue(job) end
clear_fields(job, 'waits_for')
if TERMINAL[job.status] then return {'ok'} end

clear_fields(job, 'posted_spec')
set_fields(job, {
  spec = args.spec, recipe = args.recipe, warnings = args.warnings, gpus = args.gpus > 1 and args.gpus or nil,
  later_settings = args.later_settings,
})
if job.status == 'queued' then enqueue(job) end
emit_state(job, now())
return {'ok'}
