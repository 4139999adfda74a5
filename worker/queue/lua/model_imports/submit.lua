-- Queue the import of a model from a bundle in storage. A repeated Idempotency-Key returns the first answer.
-- include: queue/lua/shared/submission.lua
local replay = first_answer()
if replay then return replay end

local refusal = queue_refusal('model_import')
if refusal then return refusal end
return create_item('model_import', {upload = args.upload, size_bytes = args.size_bytes})
