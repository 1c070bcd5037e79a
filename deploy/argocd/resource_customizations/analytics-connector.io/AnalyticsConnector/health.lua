-- Healthy, Suspended, Progressing and Degraded are what the operator itself says of the newest spec; docs/status.md has every reason.
local hs = { status = "Progressing", message = "Waiting for the operator to see this version of the spec" }

if obj.status == nil or obj.status.observedGeneration ~= obj.metadata.generation then
  return hs
end

for _, condition in ipairs(obj.status.conditions or {}) do
  if condition.type == "Stalled" and condition.status == "True" then
    return { status = "Degraded", message = condition.message }
  end
  if condition.type == "Ready" then
    hs.message = condition.message
    if condition.status == "True" then
      hs.status = condition.reason == "Paused" and "Suspended" or "Healthy"
    end
  end
end

return hs
