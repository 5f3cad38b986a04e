import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.lang.reflect.Method;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.util.Map;
import java.util.TreeMap;
import kz.registry.ApiClient;

/** Reads answers of a later release as the operations of the generated client do: by operation, what it keeps. */
public final class Tomorrow {
  public static void main(String[] arguments) throws Exception {
    JsonNode answers = new ObjectMapper().readTree(new File(arguments[0]));
    ObjectMapper ofClient = new ApiClient().getObjectMapper();
    Map<String, Object> kept = new TreeMap<>();
    for (File file : new File(arguments[1]).listFiles((folder, name) -> name.matches("\\w+Api\\.class"))) {
      Class<?> api = Class.forName("kz.registry.api." + file.getName().replace(".class", ""));
      for (Method method : api.getMethods()) {
        String name = method.getName().replace("WithHttpInfo", "");
        if (!method.getName().endsWith("WithHttpInfo") || !answers.has(name) || kept.containsKey(name)) continue;
        Type answer = ((ParameterizedType) method.getGenericReturnType()).getActualTypeArguments()[0];
        String text = answers.get(name).toString();
        Object read = ofClient.readValue(text, ofClient.constructType(answer));
        kept.put(name, ofClient.valueToTree(read));
      }
    }
    System.out.println(new ObjectMapper().writeValueAsString(kept));
  }
}
