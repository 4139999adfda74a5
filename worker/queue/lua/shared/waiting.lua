-- Jobs that wait for the dataset of an import. A job that was cancelled meanwhile stays on the list until the import has
-- ended, because the index of jobs by dataset names the import until then.
-- include: queue/lua/shared/item.lua

-- Take a job off the list; with `dataset`, index the job under the dataset that the import made.
local function leave_import(job, import_id, dataset)
  redis.call('SREM', KEY.WAITING .. import_id, args.item_id)
  if not job or job.waits_for ~= import_id then return end
  if dataset and dataset ~= job.dataset then
    local by_dataset = scoped(job.project, KEY.JOBS_BY_DATASET)
    redis.call('ZREM', by_dataset .. job.dataset, job.id)
    redis.call('ZADD', by_dataset .. dataset, 0, job.id)
    set_fields(job, {dataset = dataset})
  end
end
