-- Renders a job as the JSON text that the API returns, in one script: its parts cannot contradict each other.
-- include: redis_server/lua/json.lua
-- include: queue/lua/shared/attempt.lua
-- include: queue/lua/shared/live_workers.lua

local function queued_reason(job)
  local devices = devices_of_largest_worker()
  if devices == 0 then return 'no_worker' end
  return tonumber(job.gpus or 1) > devices and 'no_matching_worker' or 'behind_other_jobs'
end

local function queue_json(job)
  if job.status ~= 'queued' then return '"queue_position":null,"queued_reason":null' end
  local position = redis.call('ZRANK', KEY.QUEUE, job.id) + 1
  return '"queue_position":' .. position .. ',"queued_reason":"' .. queued_reason(job) .. '"'
end

local function attempts_json(job)
  local attempts = job.attempts
  if job.attempt then attempts = appended(attempts, attempt_json(job)) end
  return '[' .. (attempts or '') .. ']'
end

local function job_json(job)
  return table.concat({
    '{"id":"', job.id, '","object":"job","status":"', job.status, '","phase":', quoted(job.phase),
    ',"name":"', job.name, '","spec":', job.spec, ',"recipe":', job.recipe or 'null', ',"warnings":', job.warnings,
    ',"created_by":', job.created_by, ',"created_at":"', job.created_at,
    '","started_at":', quoted(job.started_at), ',"finished_at":', quoted(job.finished_at),
    ',', queue_json(job), ',"progress":', job.progress or 'null', ',"metrics":', job.metrics or 'null',
    ',"best":', job.best or 'null', ',"attempts":', attempts_json(job),
    ',"transitions":[', job.transitions, '],"finish_reason":', quoted(job.finish_reason),
    ',"result":', job.result or 'null', ',"error":', job.error or 'null', ',"tags":', job.tags, '}',
  })
end
