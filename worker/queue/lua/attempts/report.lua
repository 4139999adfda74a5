-- Apply one report of an attempt. `seq` is the number of the report; a repeated report is acknowledged and ignored.
-- include: redis_server/lua/time.lua
-- include: queue/lua/shared/attempt.lua
-- include: queue/lua/shared/events.lua
-- include: queue/lua/shared/rewind.lua
local job_id, at = args.job_id, now()

local job, refusal = held_job(job_id, args.attempt_id)
if refusal then return refusal end
if args.seq <= tonumber(job.seq) then return {'ok'} end
set_fields(job, {seq = args.seq})

if args.phase and args.phase ~= job.phase then
  set_fields(job, {phase = args.phase})
  emit_state(job, at)
end
if args.rewind_to_epoch then
  set_fields(job, {from_epoch = args.rewind_to_epoch})
  rewind(job, at, args.rewind_to_epoch)
end

local is_best = {}
for _, best in ipairs(args.bests) do
  is_best[best.epoch] = true
  redis.call('HSET', KEY.BESTS .. job_id, best.epoch, best.json)
  set_fields(job, {best = best.json})
end
for _, row in ipairs(args.rows) do
  redis.call('HSET', KEY.ROWS .. job_id, row.epoch, row.json)
  set_fields(job, {metrics = row.json})
  emit(job, at, 'epoch', row.json:sub(2, -2) .. ',"is_best":' .. tostring(is_best[row.epoch] or false))
end

local checkpoint = args.checkpoint
if checkpoint then
  set_fields(job, {checkpoint = checkpoint.json, checkpoint_epoch = checkpoint.epoch, deaths = 0})
  emit(job, at, 'checkpoint', '"epoch":' .. checkpoint.epoch .. ',"step":' .. checkpoint.step)
end
if args.progress then
  set_fields(job, {progress = args.progress})
  emit(job, at, 'progress', args.progress:sub(2, -2))
end

if #args.log_lines > 0 then
  for _, line in ipairs(args.log_lines) do redis.call('RPUSH', KEY.LOGS .. job_id, line) end
  redis.call('LTRIM', KEY.LOGS .. job_id, -LIMIT.LOG_LINES, -1)
  emit(job, at, 'log', '"lines":[' .. table.concat(args.log_lines, ',') .. ']')
end
return {'ok'}
