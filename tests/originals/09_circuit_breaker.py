ssn.start_interaction()
node = ssn.resolve(service, version)
try:
     response = requests.get(node.address, headers={m.CONTEXT_HEADER: ssn.inject()}, timeout=3.0)
     ssn.info(config.name, "%s initiating request to %s" % (config.node, node))
     responder_data = response.json()
     ssn.info(config.name, "%s got response %s" % (config.node, responder_data['request_id']))
     result['requests'].append(responder_data)
     ssn.finish_interaction()
except:
     ssn.fail_interaction("%s, %s: %s" % (config.service, config.node, traceback.format_exc()))
     result['requests'].append("ERROR(%s)" % node)
