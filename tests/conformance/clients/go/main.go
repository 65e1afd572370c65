// Azure SDK for Go: sign-in, groups, storage accounts, roles, hubs and projects, jobs, blobs.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/authorization/armauthorization/v2"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/machinelearning/armmachinelearning/v4"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armresources"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/storage/armstorage"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
)

var (
	ctx          = context.Background()
	subscription = os.Getenv("ARM_SUBSCRIPTION_ID")
	groupID      = os.Getenv("CONFORMANCE_GROUP")
	group        = groupID[strings.LastIndex(groupID, "/")+1:]
	hub          = os.Getenv("CONFORMANCE_HUB")
	project      = os.Getenv("CONFORMANCE_PROJECT")
	account      = os.Getenv("CONFORMANCE_STORAGE")
	job          = os.Getenv("CONFORMANCE_JOB")
)

// check does something and tells how it went; see checks.py.
func check(name string, do func() error) {
	began := time.Now()
	var said *string
	if err := do(); err != nil {
		said = to.Ptr(err.Error())
	}
	line, _ := json.Marshal(map[string]any{
		"name": name, "error": said, "seconds": time.Since(began).Seconds(),
	})
	fmt.Println("CHECK", string(line))
}

// holds is an assertion.
func holds(condition bool, format string, values ...any) error {
	if condition {
		return nil
	}
	return fmt.Errorf("doesn't hold: "+format, values...)
}

// done follows a long-running call to its end.
func done[T any](poller *runtime.Poller[T], err error) (T, error) {
	var nothing T
	if err != nil {
		return nothing, err
	}
	limited, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return poller.PollUntilDone(limited, nil)
}

func all[T any](pager *runtime.Pager[T]) ([]T, error) {
	var pages []T
	for pager.More() {
		page, err := pager.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		pages = append(pages, page)
	}
	return pages, nil
}

func main() {
	platform, err := azidentity.NewClientSecretCredential(
		os.Getenv("ARM_TENANT_ID"), os.Getenv("ARM_CLIENT_ID"), os.Getenv("ARM_CLIENT_SECRET"), nil)
	if err != nil {
		panic(err)
	}
	developer, err := azidentity.NewEnvironmentCredential(nil)
	if err != nil {
		panic(err)
	}
	groups(platform)
	accounts(platform)
	roles(platform)
	workspaces(platform)
	learning(developer)
	blobs(developer)
}

func groups(who azcore.TokenCredential) {
	client, _ := armresources.NewResourceGroupsClient(subscription, who, nil)
	check("armresources: a group is made in Azure's spelling", func() error {
		made, err := client.CreateOrUpdate(ctx, "rg-go",
			armresources.ResourceGroup{Location: to.Ptr("eastus2")}, nil)
		if err != nil {
			return err
		}
		return holds(*made.ID == "/subscriptions/"+subscription+"/resourceGroups/rg-go" &&
			*made.Type == "Microsoft.Resources/resourceGroups", "id %s, type %s", *made.ID, *made.Type)
	})
	check("armresources: a group is deleted, and its absence has ARM's code", func() error {
		if _, err := done(client.BeginDelete(ctx, "rg-go", nil)); err != nil {
			return err
		}
		_, err := client.Get(ctx, "rg-go", nil)
		var refused *azcore.ResponseError
		if !errors.As(err, &refused) {
			return fmt.Errorf("doesn't hold: a deleted group answers %v", err)
		}
		return holds(refused.ErrorCode == "ResourceGroupNotFound", "code %s", refused.ErrorCode)
	})
	providers, _ := armresources.NewProvidersClient(subscription, who, nil)
	check("armresources: a provider is registered", func() error {
		_, err := providers.Register(ctx, "Microsoft.Storage", nil)
		return err
	})
	resources, _ := armresources.NewClient(subscription, who, nil)
	check("armresources: resources of a group by type", func() error {
		pages, err := all(resources.NewListByResourceGroupPager(group,
			&armresources.ClientListByResourceGroupOptions{
				Filter: to.Ptr("resourceType eq 'Microsoft.Storage/storageAccounts'")}))
		if err != nil {
			return err
		}
		return holds(len(pages) == 1 && *pages[0].Value[0].Name == account, "%d pages", len(pages))
	})
}

func accounts(who azcore.TokenCredential) {
	client, _ := armstorage.NewAccountsClient(subscription, who, nil)
	check("armstorage: an account's properties and keys", func() error {
		shown, err := client.GetProperties(ctx, group, account, nil)
		if err != nil {
			return err
		}
		keys, err := client.ListKeys(ctx, group, account, nil)
		if err != nil {
			return err
		}
		return holds(*shown.Kind == armstorage.KindStorageV2 && len(keys.Keys) == 2, "%v", shown.Kind)
	})
	check("armstorage: an account is made and deleted", func() error {
		_, err := done(client.BeginCreate(ctx, group, "stgo"+account[2:], armstorage.AccountCreateParameters{
			Kind: to.Ptr(armstorage.KindStorageV2), Location: to.Ptr("eastus2"),
			SKU: &armstorage.SKU{Name: to.Ptr(armstorage.SKUNameStandardLRS)}}, nil))
		if err != nil {
			return err
		}
		_, err = client.Delete(ctx, group, "stgo"+account[2:], nil)
		return err
	})
}

func roles(who azcore.TokenCredential) {
	client, _ := armauthorization.NewRoleAssignmentsClient(subscription, who, nil)
	check("armauthorization: assignments at a scope, with the principal's type", func() error {
		pages, err := all(client.NewListForScopePager(groupID,
			&armauthorization.RoleAssignmentsClientListForScopeOptions{Filter: to.Ptr("atScope()")}))
		if err != nil {
			return err
		}
		return holds(len(pages) > 0 && len(pages[0].Value) > 0 &&
			*pages[0].Value[0].Properties.PrincipalType == armauthorization.PrincipalTypeServicePrincipal,
			"%d pages", len(pages))
	})
}

func workspaces(who azcore.TokenCredential) {
	client, _ := armmachinelearning.NewWorkspacesClient(subscription, who, nil)
	check("armmachinelearning: a project shows its hub and its addresses", func() error {
		shown, err := client.Get(ctx, group, project, nil)
		if err != nil {
			return err
		}
		return holds(strings.HasSuffix(*shown.Properties.HubResourceID, hub) &&
			strings.HasPrefix(*shown.Properties.MlFlowTrackingURI, "azureml://eastus2.api.azureml.ms/"),
			"%v", shown.Properties.MlFlowTrackingURI)
	})
	check("armmachinelearning: a project is made, changed and deleted", func() error {
		made := armmachinelearning.Workspace{
			Kind: to.Ptr("Project"), Location: to.Ptr("eastus2"),
			Identity: &armmachinelearning.ManagedServiceIdentity{
				Type: to.Ptr(armmachinelearning.ManagedServiceIdentityTypeSystemAssigned)},
			Properties: &armmachinelearning.WorkspaceProperties{HubResourceID: to.Ptr(
				groupID + "/providers/Microsoft.MachineLearningServices/workspaces/" + hub)},
		}
		if _, err := done(client.BeginCreateOrUpdate(ctx, group, "project-go", made, nil)); err != nil {
			return err
		}
		changed, err := done(client.BeginUpdate(ctx, group, "project-go",
			armmachinelearning.WorkspaceUpdateParameters{Tags: map[string]*string{"a": to.Ptr("b")}}, nil))
		if err != nil {
			return err
		}
		if err := holds(*changed.Tags["a"] == "b", "tags %v", changed.Tags); err != nil {
			return err
		}
		_, err = done(client.BeginDelete(ctx, group, "project-go",
			&armmachinelearning.WorkspacesClientBeginDeleteOptions{ForceToPurge: to.Ptr(true)}))
		return err
	})
	connections, _ := armmachinelearning.NewWorkspaceConnectionsClient(subscription, who, nil)
	check("armmachinelearning: connections are listed", func() error {
		_, err := all(connections.NewListPager(group, project, nil))
		return err
	})
	computes, _ := armmachinelearning.NewComputeClient(subscription, who, nil)
	check("armmachinelearning: computes are listed", func() error {
		_, err := all(computes.NewListPager(group, project, nil))
		return err
	})
	online, _ := armmachinelearning.NewOnlineEndpointsClient(subscription, who, nil)
	check("armmachinelearning: online endpoints are listed", func() error {
		_, err := all(online.NewListPager(group, project, nil))
		return err
	})
}

func learning(who azcore.TokenCredential) {
	jobs, _ := armmachinelearning.NewJobsClient(subscription, who, nil)
	check("armmachinelearning: the jobs are listed", func() error {
		pages, err := all(jobs.NewListPager(group, project, nil))
		if err != nil {
			return err
		}
		return holds(len(pages) > 0 && *pages[0].Value[0].Name == job, "%d pages", len(pages))
	})
	models, _ := armmachinelearning.NewModelVersionsClient(subscription, who, nil)
	check("armmachinelearning: the model that the job registered", func() error {
		shown, err := models.Get(ctx, group, project, job, "1", nil)
		if err != nil {
			return err
		}
		return holds(*shown.Properties.JobName == job, "job %s", *shown.Properties.JobName)
	})
	endpoints, _ := armmachinelearning.NewServerlessEndpointsClient(subscription, who, nil)
	check("armmachinelearning: the serverless endpoint, its keys, one of them anew", func() error {
		shown, err := endpoints.Get(ctx, group, project, job, nil)
		if err != nil {
			return err
		}
		before, err := endpoints.ListKeys(ctx, group, project, job, nil)
		if err != nil {
			return err
		}
		after, err := done(endpoints.BeginRegenerateKeys(ctx, group, project, job,
			armmachinelearning.RegenerateEndpointKeysRequest{
				KeyType: to.Ptr(armmachinelearning.KeyTypeSecondary)}, nil))
		if err != nil {
			return err
		}
		return holds(*before.PrimaryKey == *after.PrimaryKey && *before.SecondaryKey != *after.SecondaryKey &&
			*shown.Properties.InferenceEndpoint.URI == os.Getenv("CONFORMANCE_ENDPOINT"), "keys")
	})
}

func blobs(who azcore.TokenCredential) {
	client, _ := azblob.NewClient("https://"+account+".blob.core.windows.net", who, nil)
	content := bytes.Repeat([]byte("namaste "), 1<<20)
	check("azblob: 8 MiB in blocks, read back, a range", func() error {
		if _, err := client.CreateContainer(ctx, "go-blobs", nil); err != nil {
			return err
		}
		if _, err := client.UploadBuffer(ctx, "go-blobs", "big.bin", content,
			&azblob.UploadBufferOptions{BlockSize: 1 << 20, Metadata: map[string]*string{"Team": to.Ptr("xbox")}}); err != nil {
			return err
		}
		whole, err := client.DownloadStream(ctx, "go-blobs", "big.bin", nil)
		if err != nil {
			return err
		}
		read, err := io.ReadAll(whole.Body)
		if err != nil {
			return err
		}
		part, err := client.DownloadStream(ctx, "go-blobs", "big.bin",
			&azblob.DownloadStreamOptions{Range: blob.HTTPRange{Offset: 8, Count: 7}})
		if err != nil {
			return err
		}
		piece, _ := io.ReadAll(part.Body)
		return holds(bytes.Equal(read, content) && string(piece) == "namaste", "%d bytes", len(read))
	})
	check("azblob: a list with metadata, an apostrophe in a name", func() error {
		if _, err := client.UploadBuffer(ctx, "go-blobs", "it's & <here>.txt", []byte("x"), nil); err != nil {
			return err
		}
		pages, err := all(client.NewListBlobsFlatPager("go-blobs", &azblob.ListBlobsFlatOptions{
			Include: container.ListBlobsInclude{Metadata: true}}))
		if err != nil {
			return err
		}
		items := pages[0].Segment.BlobItems
		return holds(len(items) == 2 && *items[1].Name == "it's & <here>.txt" &&
			// This client lowers the names.
			items[0].Metadata["team"] != nil, "%d items, metadata %v", len(items), items[0].Metadata)
	})
	check("azblob: what isn't there has Azure's code", func() error {
		_, err := client.DownloadStream(ctx, "go-blobs", "none", nil)
		return holds(bloberror.HasCode(err, bloberror.BlobNotFound), "%v", err)
	})
	check("azblob: a container is deleted", func() error {
		_, err := client.DeleteContainer(ctx, "go-blobs", nil)
		return err
	})
}
