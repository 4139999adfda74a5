-- Delete the metrics of all epochs after `epoch`: the attempt continues from a checkpoint of that epoch.
-- include: queue/lua/shared/job_record.lua
-- include: queue/lua/shared/events.lua
local function rewind(job, at, epoch)
  local best_epoch, has_dropped = 0, false
  for _, key in ipairs({KEY.ROWS .. job.id, KEY.BESTS .. job.id}) do
    for _, known in ipairs(redis.call('HKEYS', key)) do
      if tonumber(known) > epoch then
        redis.call('HDEL', key, known)
        has_dropped = true
      elseif key == KEY.BESTS .. job.id then
        best_epoch = math.max(best_epoch, tonumber(known))
      end
    end
  end
  clear_fields(job, 'metrics', 'best')
  local row = redis.call('HGET', KEY.ROWS .. job.id, epoch)
  local best = redis.call('HGET', KEY.BESTS .. job.id, best_epoch)
  if row then set_fields(job, {metrics = row}) end
  if best then set_fields(job, {best = best}) end
  if has_dropped then
    clear_fields(job, 'progress')
    emit(job, at, 'rewind', '"epoch":' .. epoch)
  end
end
