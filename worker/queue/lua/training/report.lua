-- Apply one report of an attempt at a job: what every kind reports, and rewind, metrics rows, bests and checkpoint.
-- include: queue/lua/shared/report.lua
-- include: queue/lua/shared/rewind.lua
local job, reply = begin_report()
if not job then return reply end

local at = now()
apply_phase(job, at)
if args.rewind_to_epoch then
  set_fields(job, {from_epoch = args.rewind_to_epoch})
  rewind(job, at, args.rewind_to_epoch)
end

local is_best = {}
for _, best in ipairs(args.bests) do
  is_best[best.epoch] = true
  redis.call('HSET', KEY.BESTS .. job.id, best.epoch, best.json)
  set_fields(job, {best = best.json})
end
for _, row in ipairs(args.rows) do
  redis.call('HSET', KEY.ROWS .. job.id, row.epoch, row.json)
  set_fields(job, {metrics = row.json})
  emit(job, at, 'epoch', row.json:sub(2, -2) .. ',"is_best":' .. tostring(is_best[row.epoch] or false))
end

local checkpoint = args.checkpoint
if checkpoint then
  set_fields(job, {checkpoint = checkpoint.json, checkpoint_epoch = checkpoint.epoch, deaths = 0})
  emit(job, at, 'checkpoint', '"epoch":' .. checkpoint.epoch .. ',"step":' .. checkpoint.step)
end
apply_progress_and_log(job, at)
return reply
