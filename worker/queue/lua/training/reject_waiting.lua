-- Fail a job that waited for a dataset which was rejected or cancelled, or whose spec does not fit the dataset.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/status.lua
-- include: queue/lua/shared/waiting.lua
local job = load_item(args.item_id)
local waits = job and job.waits_for == args.import_id
leave_import(job, args.import_id, args.dataset)
if not waits then return {'ok'} end

if TERMINAL[job.status] then
  clear_fields(job, 'waits_for')
else
  set_fields(job, {error = args.error})
  end_item(job, 'failed', now())
end
return {'ok'}
