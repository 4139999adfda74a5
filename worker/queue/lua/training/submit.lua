-- Put a new job at the end of the queue, or let it wait for the dataset of an import that has not ended.
-- A repeated Idempotency-Key returns the first answer.
-- include: queue/lua/shared/submission.lua
local replay = first_answer()
if replay then return replay end

local refusal = queue_refusal('training')
if refusal then return refusal end
if args.is_uploaded and redis.call('EXISTS', scoped(args.project, KEY.DATASET) .. args.dataset) == 0 then
  return {'dataset_not_found', args.dataset}
end
if args.waits_for then
  local import = load_item(args.waits_for)
  if not import or TERMINAL[import.status] then return {'import_ended', args.waits_for} end
  redis.call('SADD', KEY.WAITING .. args.waits_for, args.item_id)
end

return create_item('training', {
  dataset = args.dataset, promote = args.promote, spec = args.spec, recipe = args.recipe, warnings = args.warnings,
  tags = args.tags, gpus = args.gpus > 1 and args.gpus or nil, waits_for = args.waits_for,
  posted_spec = args.posted_spec, later_settings = args.later_settings, epochs_before = args.epochs_before,
})
