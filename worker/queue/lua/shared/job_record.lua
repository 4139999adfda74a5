-- Reads and writes the hash of one job. Scripts hold the hash as a Lua table `job`: field → text.
-- Rule for every script: check all refusals before the first write, because Redis does not roll back.

local function load_job(job_id)
  local flat = redis.call('HGETALL', KEY.JOB .. job_id)
  if #flat == 0 then return nil end
  local job = {}
  for i = 1, #flat, 2 do job[flat[i]] = flat[i + 1] end
  return job
end

local function set_fields(job, fields)
  local flat = {}
  for name, value in pairs(fields) do
    flat[#flat + 1] = name
    flat[#flat + 1] = value
    job[name] = tostring(value)
  end
  redis.call('HSET', KEY.JOB .. job.id, unpack(flat))
end

local function clear_fields(job, ...)
  redis.call('HDEL', KEY.JOB .. job.id, ...)
  for _, name in ipairs({...}) do job[name] = nil end
end

-- The indexes that list a job from submission to deletion. The indexes by status change with the status.
local function indexes(job)
  local keys = {KEY.JOBS, KEY.JOBS_BY_NAME .. job.name, KEY.JOBS_BY_DATASET .. job.dataset}
  for _, tag in ipairs(cjson.decode(job.tags)) do keys[#keys + 1] = KEY.JOBS_BY_TAG .. tag end
  return keys
end
