-- Apply one report of an attempt. `seq` is the number of the report; a repeated report is acknowledged and ignored.
local job_id, attempt_id, seq, at, phase, rewind_to = unpack(ARGV, 1, 6)
local checkpoint, checkpoint_epoch, checkpoint_step, progress, row_count, best_count, log_lines = unpack(ARGV, 7, 13)
local rows_begin = 14
local bests_begin = rows_begin + 2 * row_count
local logs_begin = bests_begin + 2 * best_count

local job, refusal = held_job(job_id, attempt_id)
if refusal then return refusal end
if tonumber(seq) <= tonumber(job.seq) then return {'ok'} end
set_fields(job, {seq = seq})

if phase ~= '' and phase ~= job.phase then
  set_fields(job, {phase = phase})
  emit_state(job, at)
end
if rewind_to ~= '' then
  set_fields(job, {from_epoch = rewind_to})
  rewind(job, at, tonumber(rewind_to))
end

local is_best = {}
for i = bests_begin, logs_begin - 1, 2 do
  local epoch, best = ARGV[i], ARGV[i + 1]
  is_best[epoch] = true
  redis.call('HSET', KEY.BESTS .. job_id, epoch, best)
  set_fields(job, {best = best})
end
for i = rows_begin, bests_begin - 1, 2 do
  local epoch, row = ARGV[i], ARGV[i + 1]
  redis.call('HSET', KEY.ROWS .. job_id, epoch, row)
  set_fields(job, {metrics = row})
  emit(job, at, 'epoch', row:sub(2, -2) .. ',"is_best":' .. tostring(is_best[epoch] or false))
end

if checkpoint ~= '' then
  set_fields(job, {checkpoint = checkpoint, checkpoint_epoch = checkpoint_epoch, deaths = 0})
  emit(job, at, 'checkpoint', '"epoch":' .. checkpoint_epoch .. ',"step":' .. checkpoint_step)
end
if progress ~= '' then
  set_fields(job, {progress = progress})
  emit(job, at, 'progress', progress:sub(2, -2))
end

if #ARGV >= logs_begin then
  for i = logs_begin, #ARGV do redis.call('RPUSH', KEY.LOGS .. job_id, ARGV[i]) end
  redis.call('LTRIM', KEY.LOGS .. job_id, -LIMIT.LOG_LINES, -1)
  emit(job, at, 'log', '"lines":' .. log_lines)
end
return {'ok'}
