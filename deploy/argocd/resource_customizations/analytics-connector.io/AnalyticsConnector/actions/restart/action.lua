-- Whenever the value changes, every pod is replaced, one after another; status.restartRequestedAt tells which one was seen.
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["analytics-connector.io/restart-requested-at"] = os.date("!%Y-%m-%dT%XZ")
return obj
