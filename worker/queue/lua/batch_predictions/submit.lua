-- Queue the classification of many images, of a dataset or of a zip in storage, with a published model. A repeated
-- Idempotency-Key returns the first answer.
-- include: queue/lua/shared/submission.lua
local replay = first_answer()
if replay then return replay end

local refusal = queue_refusal('batch_prediction')
if refusal then return refusal end
if not redis.call('ZSCORE', scoped(args.project, KEY.MODELS), args.model) then return {'model_not_found', args.model} end
if args.is_uploaded and redis.call('EXISTS', scoped(args.project, KEY.DATASET) .. args.dataset) == 0 then
  return {'dataset_not_found', args.dataset}
end

return create_item('batch_prediction', {
  model = args.model, dataset = args.dataset, split = args.split, upload = args.upload, size_bytes = args.size_bytes,
  options = args.options, precision = args.precision,
})
