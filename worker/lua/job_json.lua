-- A job as its owner sees it, as one JSON text: the answer needs no second look by anyone.

local worker_is_live

local function has_live_worker()
  if worker_is_live == nil then
    local now_s = redis.call('TIME')[1]
    worker_is_live = redis.call('ZCOUNT', KEY.CLAIMERS_EXPIRE, '(' .. now_s, '+inf') > 0
  end
  return worker_is_live
end

local function queue_json(job)
  if job.status ~= 'queued' then return '"queue_position":null,"queued_reason":null' end
  local reason = has_live_worker() and 'behind_other_jobs' or 'no_worker'
  return '"queue_position":' .. redis.call('ZRANK', KEY.QUEUE, job.id) + 1 .. ',"queued_reason":"' .. reason .. '"'
end

local function attempts_json(job)
  local joined = job.attempts
  if job.attempt then joined = appended(joined, attempt_json(job)) end
  return '[' .. (joined or '') .. ']'
end

local function job_json(job)
  return table.concat({
    '{"id":"', job.id, '","object":"job","status":"', job.status, '","phase":', word(job.phase),
    ',"name":"', job.name, '","spec":', job.spec, ',"warnings":', job.warnings,
    ',"created_by":', job.created_by, ',"created_at":"', job.created_at,
    '","started_at":', word(job.started_at), ',"finished_at":', word(job.finished_at),
    ',', queue_json(job), ',"progress":', job.progress or 'null', ',"metrics":', job.metrics or 'null',
    ',"best":', job.best or 'null', ',"attempts":', attempts_json(job),
    ',"transitions":[', job.transitions, '],"finish_reason":', word(job.finish_reason),
    ',"result":', job.result or 'null', ',"error":', job.error or 'null', ',"tags":', job.tags, '}',
  })
end
