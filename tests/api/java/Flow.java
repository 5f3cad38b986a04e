import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.nio.file.Files;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import kz.registry.ApiClient;
import kz.registry.ApiException;
import kz.registry.ApiResponse;
import kz.registry.api.AuditsApi;
import kz.registry.api.CasesApi;
import kz.registry.api.ChangesApi;
import kz.registry.api.FlagsApi;
import kz.registry.api.ProjectsApi;
import kz.registry.model.AuditOrder;
import kz.registry.model.CaseComment;
import kz.registry.model.CaseLetter;
import kz.registry.model.JudgedProject;
import kz.registry.model.ModelCase;
import kz.registry.model.ObjectKind;
import kz.registry.model.Placement;
import kz.registry.model.Project;
import kz.registry.model.ProjectPatch;
import kz.registry.model.ProjectRegistration;
import kz.registry.model.Stage;
import kz.registry.model.WorkType;

/** From the registration of a project to the answer of its agency, with the client that openapi-generator makes. */
public final class Flow {
  private static ApiClient client(String url, String token) {
    ApiClient client = new ApiClient();
    client.updateBaseUri(url);
    client.setRequestInterceptor(request -> request.header("Authorization", "Bearer " + token));
    return client;
  }

  private static String tag(ApiResponse<?> response) {
    return response.getHeaders().entrySet().stream()
        .filter(header -> header.getKey().equalsIgnoreCase("ETag"))
        .map(header -> header.getValue().get(0))
        .findFirst()
        .orElseThrow();
  }

  public static void main(String[] arguments) throws Exception {
    ApiClient agency = client(arguments[0], arguments[1]);
    ApiClient oversight = client(arguments[0], arguments[2]);
    Map<String, Object> seen = new LinkedHashMap<>();

    ProjectsApi projects = new ProjectsApi(agency);
    ProjectRegistration registration = new ProjectRegistration()
        .agency(arguments[3])
        .nameRu("Система")
        .objectKind(ObjectKind.SYSTEM)
        .workType(WorkType.CREATION)
        .stage(Stage.PLANNING)
        .placement(Placement.UNKNOWN)
        .budgetKzt(5_000_000_000L);
    JudgedProject made = projects.createProject(
        ProjectsApi.APICreateProjectRequest.newBuilder()
            .projectRegistration(registration).idempotencyKey("java-1").build());
    String number = made.getNumber();
    seen.put("number", number);
    seen.put("budget", made.getBudgetKzt());
    seen.put("findings", made.getVerdict().getFindings().size());

    ApiResponse<Project> read = projects.readOneProjectWithHttpInfo(
        ProjectsApi.APIReadOneProjectRequest.newBuilder().number(number).build());
    ProjectsApi.APIPatchProjectRequest edit = ProjectsApi.APIPatchProjectRequest.newBuilder()
        .number(number).ifMatch(tag(read)).projectPatch(new ProjectPatch().nameRu("Система учёта")).build();
    seen.put("name", projects.patchProject(edit).getNameRu());
    try {
      projects.patchProject(edit);
    } catch (ApiException stale) {
      seen.put("stale", stale.getCode());
    }

    // A body that is left out would be sent as null, which is no object.
    seen.put("audit", new AuditsApi(oversight).createAudit(
        AuditsApi.APICreateAuditRequest.newBuilder().auditOrder(new AuditOrder()).build()).getStatus());
    seen.put("flags", new FlagsApi(agency).listAllFlags(
        FlagsApi.APIListAllFlagsRequest.newBuilder().project(List.of(number)).build())
        .getItems().stream().map(flag -> flag.getRule()).toList());

    CasesApi reviewing = new CasesApi(oversight);
    CaseLetter question = new CaseLetter().comment("Which contract?");
    Long id = reviewing.listAllCases(
        CasesApi.APIListAllCasesRequest.newBuilder().project(List.of(number)).build()).getItems().get(0).getId();
    reviewing.claimCase(CasesApi.APIClaimCaseRequest.newBuilder().caseId(id).caseComment(new CaseComment()).build());
    ModelCase asked = reviewing.askCase(
        CasesApi.APIAskCaseRequest.newBuilder().caseId(id).caseLetter(question).build());
    ModelCase answered = new CasesApi(agency).answerCase(
        CasesApi.APIAnswerCaseRequest.newBuilder().caseId(id).caseComment(new CaseComment().comment("No. 17")).build());
    seen.put("case", List.of(asked.getStatus(), answered.getStatus()));

    seen.put("changes", new ChangesApi(agency).followChanges(
        ChangesApi.APIFollowChangesRequest.newBuilder().after(0L).limit(500).build())
        .getItems().stream().map(change -> change.getType()).distinct().sorted().toList());
    // Of texts it reads JSON only; files it stores.
    File exported = new FlagsApi(agency).exportFlagsAsNdjson(
        FlagsApi.APIExportFlagsAsNdjsonRequest.newBuilder().project(List.of(number)).build());
    seen.put("exported", Files.readAllLines(exported.toPath()).size());
    System.out.println(new ObjectMapper().writeValueAsString(seen));
  }
}
