-- Queue the evaluation of a published model on a dataset. A repeated Idempotency-Key returns the first answer.
-- include: queue/lua/shared/submission.lua
local replay = first_answer()
if replay then return replay end

local refusal = queue_refusal('evaluation')
if refusal then return refusal end
if not redis.call('ZSCORE', scoped(args.project, KEY.MODELS), args.model) then return {'model_not_found', args.model} end
if args.is_uploaded and redis.call('EXISTS', scoped(args.project, KEY.DATASET) .. args.dataset) == 0 then
  return {'dataset_not_found', args.dataset}
end

return create_item('evaluation', {model = args.model, dataset = args.dataset, split = args.split})
